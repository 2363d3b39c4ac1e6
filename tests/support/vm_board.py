"""A Mosquitto, a server played by the test, and a simulated board that keeps all it printed."""

import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from device_sim.clock import SimClock
from device_sim.vm import VmDevice

PASSWORD = "never-on-the-console"


def until(condition: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    """The first true value of `condition`; fails after `timeout_s`."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    pytest.fail(f"not within {timeout_s} s")


def listens(port: int) -> bool:
    """Whether somebody takes connections on this port of loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True


class Broker:
    """Mosquitto on a loopback port that stays the same over restarts."""

    def __init__(self, folder: Path) -> None:
        binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
        if binary is None and not os.environ.get("CI"):
            pytest.skip("no Mosquitto")
        assert binary is not None, "CI needs Mosquitto"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self._acl = folder / "acl"
        self._acl.write_text(
            "pattern write rp/1/%u/up/ev\npattern write rp/1/%u/up/st\npattern read rp/1/%u/down/#\n"
            "user server\ntopic readwrite rp/1/#\n"
        )
        config = folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous true",
            "set_tcp_nodelay true",
            f"acl_file {self._acl}",
        ]
        config.write_text("\n".join([*lines, *(["user root"] if os.getuid() == 0 else [])]) + "\n")
        self._command = [binary, "-c", str(config)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stderr=subprocess.DEVNULL)
        until(lambda: listens(self.port))

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None


class Server:
    """What the devices talk to: keeps every event, acknowledges as told."""

    def __init__(self, port: int, user: str = "server", password: str = "") -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.reports: list[dict[str, Any]] = []
        self.acknowledges = True
        self.answer = ""
        self._port = port
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        self._client.username_pw_set(user, password)
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.on_message = self._take
        self._listening = threading.Event()
        self._client.on_connect = lambda client, *_: client.subscribe("rp/1/+/up/#", qos=1)
        self._client.on_subscribe = lambda *_: self._listening.set()

    def start(self) -> None:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        assert self._listening.wait(10)

    def forget_subscription(self) -> None:
        """Before the broker starts again: `is_listening` then waits for the new one."""
        self._listening.clear()

    def is_listening(self) -> bool:
        return self._listening.is_set()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        # Out of the circle at once: the collector would find its sockets before it, and they are still open.
        self._client.on_message = self._client.on_connect = self._client.on_subscribe = None

    def say(self, device_id: str, topic: str, document: dict[str, Any] | str, retain: bool = False) -> None:
        text = document if isinstance(document, str) else json.dumps(document)
        self._client.publish(f"rp/1/{device_id}/down/{topic}", text, qos=1, retain=retain).wait_for_publish(5)

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [event for _, event in self.events if event["t"] == kind]

    def keys(self) -> set[tuple[str, int]]:
        return {(event["b"], event["s"]) for _, event in self.events}

    def _take(self, client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        device_id = message.topic.split("/")[2]
        document = json.loads(message.payload)
        if message.topic.endswith("/st"):
            self.reports.append(document)
            return
        assert len(message.payload) <= 512
        assert not message.retain
        self.events.append((device_id, document))
        if self.acknowledges:
            ack = {"b": document["b"], "s": [document["s"]]}
            client.publish(f"rp/1/{device_id}/down/ack", json.dumps(ack), qos=1)
            if document["t"] == "press" and self.answer:
                client.publish(f"rp/1/{device_id}/down/ack", json.dumps({**ack, "r": self.answer}), qos=1)


class Board:
    """A VmDevice with everything it printed."""

    def __init__(self, kind: str, folder: Path, broker_port: int, speed: float, **config: Any) -> None:
        password, device_id = config.pop("password", PASSWORD), config.pop("device_id", "d1")
        self.facts: list[dict[str, Any]] = []
        self.light = folder / "world" / "light.log"
        clock = SimClock.started_now(speed)
        self.vm = VmDevice(
            kind, device_id, password, "127.0.0.1", broker_port, folder, clock, self.facts.append, **config
        )

    def said(self, event: str) -> list[dict[str, Any]]:
        return [fact for fact in list(self.facts) if fact["e"] == event]

    def lit_ms(self) -> list[int]:
        """How long the light was lit, each time, in tens of ms."""
        edges = [json.loads(line) for line in self.light.read_text().splitlines()]
        return [round((edges[at + 1][0] - edges[at][0]) / 10) * 10 for at in range(0, len(edges) - 1, 2)]
