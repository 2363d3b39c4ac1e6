"""Which network a board uses: the one it was given, one that is being tried, one that proved itself. No I/O.

Settings that do not lead to the server must not cut a board off: they are tried for two conversations, and
without a PUBACK in them the ones before are back. Source: docs/wire.md, Settings.
"""

import binascii
import json

TRIES = 2

TEXTS = {"ssid": (1, 32), "key": (0, 63), "host": (1, 253)}


class RefusedNetwork(Exception):
    """These settings cannot be used at all; the sentence says why."""


class Network:
    """What is saved of it.

    Args:
        saved: what `encode` gave; None for nothing.
    """

    def __init__(self, saved: bytes | None) -> None:
        self.proven: dict[str, object] = {}
        """Settings of the server that led back to it; they replace those that the board was given."""
        self.trial: dict[str, object] | None = None
        """Settings that are being tried, {} for those the board was given; None for no trial."""
        self.left = 0
        """Conversations in which the trial may still prove itself."""
        self.mark = 0
        """CRC-32 of the wish that `state` speaks of."""
        self.state = ""
        """As `net.state` of docs/wire.md; "" before the first wish."""
        self.why = ""
        try:
            document = json.loads(saved or b"{}")
            self.proven = check(document["now"])
            self.trial = None if document["trial"] is None else check(document["trial"])
            self.left, self.mark = int(document["left"]), int(document["mark"])
            self.state, self.why = str(document["state"]), str(document["why"])
        except (ValueError, KeyError, TypeError, RefusedNetwork):
            self.trial = None

    def encode(self) -> bytes:
        """Compact JSON."""
        document = {
            "now": self.proven,
            "trial": self.trial,
            "left": self.left,
            "mark": self.mark,
            "state": self.state,
            "why": self.why,
        }
        return json.dumps(document, separators=(",", ":")).encode()

    def in_force(self) -> dict[str, object]:
        """What replaces the settings that the board was given."""
        return self.proven if self.trial is None else self.trial

    def want(self, wish: object) -> bool:
        """Note `net` of a desired document, None where it has none; whether something changed.

        The same wish again changes nothing, so what did not work is not tried for ever.
        """
        mark = 0 if wish is None else binascii.crc32(_canonical(wish))
        if mark == self.mark:
            return False
        self.mark, self.trial, self.left, self.why = mark, None, 0, ""
        try:
            wanted = {} if wish is None else check(wish)
        except RefusedNetwork as error:
            self.state, self.why = "refused", str(error)
            return True
        if wanted == self.proven:
            self.state = "kept"
        else:
            self.trial, self.left, self.state = wanted, TRIES, "trial"
        return True

    def attempt(self) -> bool:
        """A conversation begins; False when the trial has had its tries: it is over, the others are back."""
        if self.trial is None:
            return True
        if self.left <= 0:
            self.trial, self.state, self.why = None, "reverted", "no answer in two tries"
            return False
        self.left -= 1
        return True

    def heard(self) -> bool:
        """The broker acknowledged something; whether that proved a trial."""
        if self.trial is None or self.left == TRIES:  # the wish came over the settings before it
            return False
        self.proven, self.trial, self.left, self.state = self.trial, None, 0, "kept"
        return True

    def report(self) -> dict[str, object] | None:
        """`net` of the report; None before the first wish. It never holds a key."""
        if not self.state:
            return None
        document: dict[str, object] = {"state": self.state}
        if self.why:
            document["why"] = self.why
        return document


def check(wish: object) -> dict[str, object]:
    """The known keys of a wish. Raises RefusedNetwork when one is not usable, or when there are none."""
    if not isinstance(wish, dict):
        raise RefusedNetwork("net is not an object")
    found: dict[str, object] = {}
    for name, (shortest, longest) in TEXTS.items():
        value = wish.get(name)
        if value is None:
            continue
        if not isinstance(value, str) or not shortest <= len(value.encode()) <= longest:
            raise RefusedNetwork(
                "net." + name + " has not " + str(shortest) + " to " + str(longest) + " bytes"
            )
        found[name] = value
    port = wish.get("port")
    if port is not None:
        if type(port) is not int or not 1 <= port <= 65535:
            raise RefusedNetwork("net.port is no port")
        found["port"] = port
    if wish.get("key") is not None and 0 < len(str(wish["key"])) < 8:
        raise RefusedNetwork("net.key has fewer than 8 letters")
    if ("ssid" in found) != ("key" in found):
        raise RefusedNetwork("net.ssid and net.key belong together")
    if wish and not found:
        raise RefusedNetwork("net has no key that is known")
    return found


def _canonical(wish: object) -> bytes:
    if not isinstance(wish, dict):
        return json.dumps(wish).encode()
    return json.dumps([[name, wish[name]] for name in sorted(wish)]).encode()
