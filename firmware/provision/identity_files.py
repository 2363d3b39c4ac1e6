"""The files that say who a board is: what its maker wrote, what a person entered, what the server answered.

Each is replaced whole.

| file | what | until |
|---|---|---|
| `factory.json` | kind, sensor, calibration, server, the label's Wi-Fi password | it is flashed anew |
| `claim.json` | Wi-Fi and code that a person gave | the code is exchanged, or opens nothing |
| `device.json` | id, credential, broker, Wi-Fi | a new claim succeeds |
| `proving.json` | the code again | the first `down/ack` under the credential that it opened |

The credential is written before the code is forgotten, so a power cut leaves the one or the other working.
"""

import json

from firmware.provision.setup_request import SetupRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.ports import Board, Files


_FACTORY, _CLAIM, _PROVING, _DEVICE = "factory.json", "claim.json", "proving.json", "device.json"
_NETWORK = "network.json"
"""What the server set (`firmware.app.networks`); what a person has just typed goes before it."""

_LEFT_BEHIND = ("desired.json", "total.json")
"""Of the home before: settings and totals."""

_ANSWERED = ("host", "port", "credential", "password", "psk", "certificate", "ca")


class IdentityFiles:
    """The four files.

    Args:
        data: their folder.
        spool: records; those of an earlier identity must not be told under a new one.
        board: what it keeps over sleep belongs to an identity too.
    """

    def __init__(self, data: "Files", spool: "Files", board: "Board") -> None:
        self._data = data
        self._spool = spool
        self._board = board

    def factory(self) -> dict[str, object]:
        """What the maker wrote; empty when there is none that can be read."""
        return self._read(_FACTORY)

    def device(self) -> dict[str, object]:
        """Who the board is; empty when it is nobody yet."""
        return self._read(_DEVICE)

    def claim(self) -> SetupRequest | None:
        """What a person gave and what is not exchanged yet."""
        return self._request_in(_CLAIM)

    def proving(self) -> SetupRequest | None:
        """What was exchanged for the credential that waits to be proved."""
        return self._request_in(_PROVING)

    def keep_entered(self, entered: SetupRequest) -> None:
        """Store what a person gave; without a code it is in force at once."""
        if entered.code:
            self._write_request(_CLAIM, entered)
            return
        self._data.remove(_NETWORK)
        known = self.device()
        known["ssid"], known["key"] = entered.ssid, entered.key
        self._write(_DEVICE, known)

    def forget_code(self) -> None:
        """It opens nothing."""
        self._data.remove(_CLAIM)
        self._data.remove(_PROVING)

    def settle(self, entered: SetupRequest, answer: dict[str, object]) -> None:
        """Become who the server says; the code stays until the credential is proved.

        Raises KeyError when the answer lacks something.
        """
        document: dict[str, object] = {"id": answer["device_id"], "ssid": entered.ssid, "key": entered.key}
        authority = self.factory().get("ca")
        for name in _ANSWERED:
            if answer.get(name) and answer[name] != authority:
                document[name] = answer[name]
        if answer.get("key"):
            document["private_key"] = answer["key"]
        before = self.device()
        if before and before.get("id") != document["id"]:
            self._leave_home()
        self._data.remove(_NETWORK)
        self._write(_DEVICE, document)
        self._write_request(_PROVING, entered)
        self._data.remove(_CLAIM)  # cut off before this, the board exchanges the code once more

    def _request_in(self, name: str) -> SetupRequest | None:
        kept = self._read(name)
        if not kept:
            return None
        return SetupRequest(str(kept.get("ssid", "")), str(kept.get("key", "")), str(kept.get("code", "")))

    def _write_request(self, name: str, entered: SetupRequest) -> None:
        self._write(name, {"ssid": entered.ssid, "key": entered.key, "code": entered.code})

    def _leave_home(self) -> None:
        for name in self._spool.names():
            self._spool.remove(name)
        for name in _LEFT_BEHIND:
            self._data.remove(name)
        self._board.keep(bytearray())

    def _read(self, name: str) -> dict[str, object]:
        try:
            found = json.loads(self._data.read(name) or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, name: str, document: dict[str, object]) -> None:
        self._data.write(name, json.dumps(document).encode())
