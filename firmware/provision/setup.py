"""From an unknown board to a device that may speak, in the order in which it happens. It never sleeps.

1. Entries: the page on the board's own Wi-Fi while somebody holds the button, or a line on the console at
   power-on.
2. They are stored.
3. The code is exchanged for a credential, which is stored.
4. The program connects with it; the server's first acknowledgement ends the claim (`firmware.app.node`).
"""

from firmware.app.console import say, say_error
from firmware.core import policy
from firmware.provision.exchange import ExchangeError, exchange
from firmware.provision.identity_files import IdentityFiles
from firmware.provision.portal import Alive, Portal
from firmware.provision.setup_request import SetupRequest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.ports import AccessPoint, Board, Button, Clock, Console, Light, Link, Radio


HELD_MS = 3000
"""How long the button is held before the board opens its Wi-Fi."""

OPEN_S = 300
LISTEN_S = 20
"""How long a new board listens to its console at power-on."""

WAIT_S = 300
"""How long a board asks, awake, whether its household has added it: the person is standing there."""

_IDLE_S = 3600
_RESTART_S = 1
_LINGER_MS = 1500
"""So that the last page still reaches the phone."""


class Surroundings:
    """What the composition root knows how to make.

    Args:
        board: memory and randomness.
        clock: time.
        alive: the watchdog.
        button: held to open the board's Wi-Fi.
        light: what came of it.
        console: serial lines; None where nobody can be there.
        access_point: the board's own Wi-Fi.
    """

    def __init__(
        self,
        board: "Board",
        clock: "Clock",
        alive: Alive,
        button: "Button",
        light: "Light",
        console: "Console | None",
        access_point: "AccessPoint",
    ) -> None:
        self.board = board
        self.clock = clock
        self.alive = alive
        self.button = button
        self.light = light
        self.console = console
        self.access_point = access_point

    def radio(self, ssid: str, key: str) -> "Radio":
        """A station for this network."""
        raise NotImplementedError

    def edge(self, host: str, port: int) -> "Link":
        """A connection to the server's edge over TLS, checked against the authority that its maker wrote."""
        raise NotImplementedError


class Setup:
    """One board's setup.

    Args:
        identity: who the board is, and what it was told.
        around: its hardware.
        failures: failed conversations in a row.
    """

    def __init__(self, identity: IdentityFiles, around: Surroundings, failures: int) -> None:
        self._identity = identity
        self._around = around
        self._failures = failures
        self._factory = identity.factory()

    def run(self, powered_on: bool) -> int | None:
        """Do what is due. None: the board is who it was, go on; otherwise seconds to sleep.

        Whoever became somebody starts anew, so that its program finds a clean memory.

        A button held for three seconds opens the board's Wi-Fi for five minutes. A board that is nobody also
        listens to its console after power-on.
        """
        before = self._identity.device()
        entered = self._enter(powered_on)
        if entered is not None:
            self._identity.keep_entered(entered)
            say("setup", r="taken")
        due = self._identity.claim()
        if due is None and policy.asks_again(self._failures):
            due = self._identity.proving()
        if due is not None:
            self._claim(due, patient=entered is not None)
        after = self._identity.device()
        if after:
            return None if after.get("id") == before.get("id") else _RESTART_S
        if self._identity.claim() is None:
            return _IDLE_S
        return policy.backoff_s(8, self._around.board.random())  # an hour at most: nobody stands there now

    def _enter(self, powered_on: bool) -> SetupRequest | None:
        around = self._around
        known = bool(self._identity.device())
        if self._held():
            networks = around.access_point.near()
            token = f"{around.board.random():08x}"
            return self._open(Portal(around.clock, around.console, token, not known, networks))
        if powered_on and not known and self._identity.claim() is None and around.console is not None:
            say("setup", open="console", s=LISTEN_S)
            return Portal(around.clock, around.console, "", True, []).listen(LISTEN_S)
        return None

    def _held(self) -> bool:
        clock, button = self._around.clock, self._around.button
        started = clock.ticks_ms()
        while button.pressed():
            if clock.since_ms(started) >= HELD_MS:
                self._around.light.on()
                return True
            clock.sleep_ms(20)
        return False

    def _open(self, portal: Portal) -> SetupRequest | None:
        around, factory = self._around, self._factory
        name, key = str(factory.get("setup_name", "")), str(factory.get("setup_key", ""))
        if not name or len(key) < 8:
            say("error", at="setup", why="data/factory.json has no setup_name or setup_key of 8 letters")
            return None
        say("setup", open="wifi", name=name, s=OPEN_S)
        try:
            around.access_point.up(name, key)
            entered = portal.open(OPEN_S, int(str(factory.get("setup_port", 80))), around.alive)
            if entered is not None:
                around.clock.sleep_ms(_LINGER_MS)
            return entered
        except (OSError, ValueError) as error:
            say_error("setup", error)
            return None
        finally:
            around.access_point.down()
            around.light.show("none")
            say("setup", open="no")

    def _claim(self, entered: SetupRequest, patient: bool) -> None:
        """Exchange the code; a board that somebody stands beside asks for five minutes, any other once."""
        clock = self._around.clock
        started = clock.ticks_ms()
        while True:
            result, retry_s = self._ask(entered)
            say("claim", r=result)
            if result not in ("waiting", "slow_down"):
                break
            self._around.light.show("waiting")
            if not patient or clock.since_ms(started) + 1000 * retry_s > 1000 * WAIT_S:
                return
            for _ in range(10 * retry_s):
                self._around.alive.feed()
                clock.sleep_ms(100)
        if result == "code":
            self._identity.forget_code()
        self._around.light.show(_LIGHTS[result])

    def _ask(self, entered: SetupRequest) -> tuple[str, int]:
        """(what came of it, seconds before asking again)."""
        factory = self._factory
        host, port = str(factory.get("server", "")), int(str(factory.get("server_port", 8443)))
        radio = self._around.radio(entered.ssid, entered.key)
        try:
            radio.up(20_000)
            self._around.alive.feed()
            link = self._around.edge(host, port)
            kind = str(factory.get("credential", "password"))
            status, body = exchange(link, self._around.clock, host, entered.code, kind)
            if status == 200:
                self._identity.settle(entered, body)
                return "claimed", 0
            if status in (202, 429):
                return str(body.get("state")), min(60, max(1, int(str(body.get("retry_s", 10)))))
            if status == 404 and body.get("state") == "code":
                return "code", 0
            say("error", at="claim", why=f"the server answered {status}")
        except (OSError, ValueError, KeyError, ExchangeError) as error:
            say_error("claim", error)
        finally:
            radio.down()
        return "offline", 0


_LIGHTS = {"claimed": "placed", "code": "refused", "offline": "offline"}
