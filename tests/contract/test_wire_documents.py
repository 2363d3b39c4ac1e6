"""The page and the AsyncAPI document say what the codec does: examples decode, limits and words are equal."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from firmware.core import command, config, counter, network
from firmware.core import event as firmware_event
from replenish_server.fleet import alarms, commands, manifest
from replenish_server.replenishment import answers
from replenish_server.telemetry import codec, session, store

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "wire.md").read_text(encoding="utf-8")
MESSAGES = Path(__file__).parent / "messages"
EXAMPLES = re.findall(r"<!-- golden: ([a-z0-9-]+) -->\n```json\n(.+?)\n```", PAGE, re.DOTALL)
CODE = re.compile(r'Rejected\(\s*"([a-z_]+)"|return "([a-z_]+)", f?"')


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    """The AsyncAPI document, parsed."""
    text = (files("broker_config") / "asyncapi.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def schema(contract: dict[str, Any], name: str) -> dict[str, Any]:
    """A schema's properties."""
    found: dict[str, Any] = contract["components"]["schemas"][name]["properties"]
    return found


def table(heading: str) -> list[list[str]]:
    """The cells of the first table after a heading, without its head."""
    rest = PAGE.split(heading, 1)[1]
    rows = rest[rest.index("\n|") + 1 :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_example_on_the_page_is_a_golden_message_and_decodes(name: str, text: str) -> None:
    """To the byte."""
    assert text == (MESSAGES / f"{name}.json").read_text(encoding="utf-8").removesuffix("\n")
    payload = text.encode()
    match name.split("-", maxsplit=1)[0]:
        case "ev":
            assert isinstance(codec.decode_event(payload), codec.Event)
        case "st":
            assert isinstance(codec.decode_report(payload), dict)
        case "cmd":
            assert command.parse(payload) is not None
        case "ack":
            assert firmware_event.parse_ack(payload) is not None
        case _:
            assert config.parse(payload)["rev"]


def test_the_page_shows_every_kind_of_message() -> None:
    """And has no JSON beside the golden ones."""
    assert {"ev", "st", "ack", "desired", "cmd"} == {name.split("-")[0] for name, _ in EXAMPLES}
    assert len(EXAMPLES) == PAGE.count("```json")


def test_the_page_names_every_quarantine_code() -> None:
    """Those of the codec and those of the store, and no other."""
    source = "".join(Path(module.__file__ or "").read_text(encoding="utf-8") for module in (codec, store))
    written = {first or second for first, second in CODE.findall(source)}
    assert written == {row[0].strip("`") for row in table("## Quarantine")}


def test_the_page_and_the_document_have_the_codecs_limits(contract: dict[str, Any]) -> None:
    """Numbers are written three times and agree."""
    event = schema(contract, "event")
    limits = {row[0].strip("`"): row[2] for row in table("## Events")}
    assert f"0 to {codec.MAX_AGE_S}" == limits["a"]
    assert f"0 to {codec.MAX_NUMBER}" == limits["n"]
    assert (0, codec.MAX_AGE_S) == (event["a"]["minimum"], event["a"]["maximum"])
    assert (0, codec.MAX_NUMBER) == (event["n"]["minimum"], event["n"]["maximum"])
    assert f"at most {codec.MAX_PAYLOAD_BYTES} bytes" in PAGE
    summaries = {name: text["summary"] for name, text in contract["components"]["messages"].items()}
    assert f"at most {codec.MAX_PAYLOAD_BYTES} bytes" in summaries["event"]
    assert f"at most {codec.MAX_PAYLOAD_BYTES * 2} bytes" in summaries["report"]
    ages = {row[0]: row[1] for row in table("### Ages")}
    assert f"{int(codec.PRESS_AGE_LIMIT.total_seconds())} s" == ages["press"]


def test_the_page_and_the_document_have_the_codecs_words(contract: dict[str, Any]) -> None:
    """Types, qualities, gestures, answers and keys."""
    event = schema(contract, "event")
    words = {row[0].strip("`"): tuple(re.findall(r"`(\w+)`", row[2])) for row in table("## Events")}
    for key, known in (("t", codec.TYPES), ("q", codec.QUALITIES), ("g", codec.GESTURES)):
        assert known == tuple(event[key]["enum"])
        assert known == words[key]
    assert list(words) == list(event)
    spoken = {row[0].strip("`") for row in table("## Acknowledgements")}
    said = {*answers._ANSWER_OF_STATE.values(), "already"}  # what the server can say at all
    assert set(firmware_event.ANSWERS) == spoken == said
    assert firmware_event.ANSWERS == tuple(schema(contract, "acknowledgement")["r"]["enum"])
    assert codec.SCHEMA == event["v"]["const"]


def test_the_page_and_the_document_have_the_commands(contract: dict[str, Any]) -> None:
    """What may be asked, what is answered, how long it lasts: server, firmware, page and document."""
    verbs = schema(contract, "command")["do"]["enum"]
    assert (
        [row[0].strip("`") for row in table("## Commands")]
        == list(commands.VERBS)
        == list(command.VERBS)
        == verbs
    )
    words = [row[0].strip("`") for row in table("`cmd` of the next `up/st`")]
    assert words == list(command.ANSWERS[1:]) == schema(contract, "commandAnswer")["r"]["enum"]
    expiry = contract["operations"]["command"]["bindings"]["mqtt"]["messageExpiryInterval"]
    assert expiry == commands.LASTS.total_seconds()
    assert f"expires after {expiry} s | what a person asks once" in PAGE


def test_the_page_and_the_document_have_the_manifests_limits(contract: dict[str, Any]) -> None:
    """Of every key that is signed, and of the words that a device may say about it."""
    rows = {name: row[1] for row in table("## Firmware") for name in re.findall(r"`(\w+)`", row[0])}
    offered = schema(contract, "firmware")
    assert list(rows) == list(offered)
    assert f"1 to {manifest.MAX_SEQUENCE}" == rows["seq"]
    assert f"1 to {manifest.MAX_SIZE_BYTES}" == rows["size"]
    assert (
        list(manifest.BLOCKS)
        == offered["block"]["enum"]
        == [int(n) for n in re.findall(r"\d+", rows["block"])]
    )
    assert (offered["seq"]["maximum"], offered["size"]["maximum"]) == (
        manifest.MAX_SEQUENCE,
        manifest.MAX_SIZE_BYTES,
    )
    states = table("| `why` | for")
    assert [row[0].strip("`") for row in states] == schema(contract, "update")["state"]["enum"]
    assert [word for row in states for word in re.findall(r"`(\w+)`", row[2])] == schema(contract, "update")[
        "why"
    ]["enum"]


def test_the_page_and_the_document_have_the_firmwares_networks(contract: dict[str, Any]) -> None:
    """The keys that it takes, and what it says of them."""
    assert sorted({*network.TEXTS, "port"}) == sorted(schema(contract, "network"))
    states = schema(contract, "networkState")["state"]["enum"]
    assert [row[0].strip("`") for row in table("and never holds a key:")] == states
    tried = network.Network(None)
    said = [tried.want({"host": "a"}) and tried.state, tried.attempt() and tried.heard() and tried.state]
    tried.want({"host": "b"})
    while tried.attempt():
        pass
    said.append(tried.state)
    assert [*said, tried.want([]) and tried.state] == states


@pytest.mark.parametrize("kind", ["level", "button", "flow", "pages"])
def test_the_page_has_the_firmwares_settings(kind: str) -> None:
    """Ranges and defaults, for a container of 2000 g."""
    words = {"0 to the capacity": "0 to 2000", "a fifth of it": "400"}
    rows = [row for row in table("## Settings") if row[1] == kind]
    found = {row[0].strip("`"): (words.get(row[2], row[2]), words.get(row[3], row[3])) for row in rows}
    limits = config.limits(kind, 2000)
    assert {
        path: (f"{low} to {high}", str(default)) for path, (low, high, default) in limits.items()
    } == found


@pytest.mark.parametrize("kind", ["level", "button", "flow", "pages"])
def test_the_document_has_the_firmwares_settings(contract: dict[str, Any], kind: str) -> None:
    """The same for machines."""
    limits = config.limits(kind, 2000)
    assert schema(contract, f"{kind}Settings") == {
        path.removeprefix("cfg."): {"type": "integer", "minimum": low, "maximum": high, "default": default}
        for path, (low, high, default) in limits.items()
        if path.startswith("cfg.")
    }


def test_the_page_and_the_document_have_the_servers_alarms(contract: dict[str, Any]) -> None:
    """Words of the firmware, of the server, of the document."""
    health = schema(contract, "health")
    assert list(alarms.ALARMS) == list(counter.ALARMS[1:]) == health["alarm"]["enum"]
    (row,) = [row for row in table("## Events") if row[0] == "`h`"]
    assert all(f"`{word}`" in row[4] for word in (*health, *alarms.ALARMS))


def test_the_document_has_the_topics_that_the_server_reads_and_writes(contract: dict[str, Any]) -> None:
    """Each with its direction, QoS 1, and retained where it is."""
    channels = {name: channel["address"] for name, channel in contract["channels"].items()}
    page = {row[0].strip("`").replace("<id>", "{deviceId}"): row[3] for row in table("## Topics")}
    assert set(page) == set(channels.values())
    for operation in contract["operations"].values():
        address = channels[operation["channel"]["$ref"].rsplit("/", 1)[1]]
        mqtt = operation["bindings"]["mqtt"]
        assert (address.split("/")[3] == "up") is (operation["action"] == "receive")
        assert (codec.parse_topic(address.format(deviceId="d-1")) is not None) is (
            operation["action"] == "receive"
        )
        assert mqtt["qos"] == 1
        assert mqtt["retain"] is (page[address] == "yes")
    assert (
        session._ACK_EXPIRY_S
        == contract["operations"]["acknowledge"]["bindings"]["mqtt"]["messageExpiryInterval"]
    )
    assert f"expires after {session._ACK_EXPIRY_S} s" in PAGE


def test_every_reference_of_the_document_leads_somewhere(contract: dict[str, Any]) -> None:
    """AsyncAPI 3.0, no dead link inside."""
    assert contract["asyncapi"].startswith("3.0.")
    for target in re.findall(r"'\$ref': '#/([^']+)'", str(contract)):
        here: Any = contract
        for part in target.split("/"):
            here = here[part]
        assert here


def test_the_golden_messages_follow_the_documents_patterns(contract: dict[str, Any]) -> None:
    """What the codec takes has a known shape in the document."""
    event = schema(contract, "event")
    for path in MESSAGES.glob("ev-*.expected.json"):
        meaning = json.loads(path.read_text(encoding="utf-8"))
        if "event" in meaning:
            assert re.search(event["k"]["pattern"], meaning["event"]["slot_key"])
            assert re.search(contract["components"]["schemas"]["boot"]["pattern"], meaning["event"]["boot"])
