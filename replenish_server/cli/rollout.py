"""The commands that give firmware to a fleet: start, show, pause, resume, abort."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table
from sqlmodel import Session

from replenish_server.cli.parts import AsJson, console, fail, open_database, print_json, say
from replenish_server.fleet import rollouts
from replenish_server.fleet.firmware_tables import FirmwareImage, Rollout
from replenish_server.fleet.images import FirmwareFolder, FirmwareRefused
from replenish_server.settings import Settings

rollout_app = typer.Typer(no_args_is_help=True, help="Firmware to the fleet, in waves.")

Result = TypeVar("Result")
Id = Annotated[str, typer.Argument(help="The rollout, as `rollout show` says it.")]


@rollout_app.command("start")
def rollout_start(
    image: Annotated[str, typer.Argument(help="KIND/SEQUENCE, as `firmware list` says it.")],
    waves: Annotated[
        str, typer.Option(help="Devices, or shares of all, that have it by the end of each wave.")
    ] = " ".join(rollouts.STEPS),
    soak_minutes: Annotated[
        int, typer.Option(min=0, help="A wave must have been well this long, and each heard again.")
    ] = 60,
    patience_hours: Annotated[int, typer.Option(min=1, help="A device may take this long.")] = 72,
    halt_percent: Annotated[
        int, typer.Option(min=1, max=100, help="It halts at this share of failures, in a wave or in all.")
    ] = 2,
    first: Annotated[
        list[str] | None, typer.Option(help="A device that comes first; may be repeated.")
    ] = None,
    try_key: Annotated[
        bool, typer.Option("--try-key", help="Also with a key whose signature boards refused before.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Plan who gets an image in which wave; the running server offers it."""
    terms = rollouts.Terms(waves.split(), soak_minutes, patience_hours, halt_percent, first or (), try_key)
    started = _do(lambda session, now: rollouts.start_rollout(session, _firmware(), image, terms, now))
    if as_json:
        print_json({"id": started.rollout.id, "waves": started.sizes, "left_out": started.left_out})
        return
    say(f"Rollout {started.rollout.id}: waves of {', '.join(map(str, started.sizes))}.")
    for reason, number in started.left_out.items():
        say(f"Left out: {number} {reason}.")


@rollout_app.command("show")
def rollout_show(
    rollout_id: Annotated[str | None, typer.Argument(help="One with its devices; else all.")] = None,
    as_json: AsJson = False,
) -> None:
    """All rollouts, or one with every device: how far it is, and why it failed."""
    try:
        with open_database(Settings()).read() as session:
            if rollout_id is not None:
                rollouts.find_rollout(session, rollout_id)
            found = [
                (rollout, image, rollouts.devices_of(session, rollout.id))
                for rollout, image in rollouts.list_rollouts(session)
                if rollout_id in (None, rollout.id)
            ]
    except FirmwareRefused as error:
        raise fail(str(error)) from error
    if as_json:
        print_json([_document(rollout, image, devices) for rollout, image, devices in found])
        return
    table = Table("rollout", "firmware", "state", "wave", "devices", "why")
    for rollout, image, devices in found:
        states = Counter(device.state for device in devices)
        told = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
        waves = 1 + max((device.wave for device in devices), default=0)
        table.add_row(
            rollout.id, f"{image.kind}/{image.seq} {image.ver}", rollout.state,
            f"{rollout.wave + 1} of {waves}", told, rollout.why,
        )  # fmt: skip
    console.print(table)
    if rollout_id is not None:
        rows = Table("device", "wave", "state", "bytes", "why", "since")
        for device in found[0][2]:
            since = device.changed_at.isoformat(timespec="seconds")
            rows.add_row(
                device.device_id, str(device.wave + 1), device.state, str(device.at_bytes),
                device.why, since,
            )  # fmt: skip
        console.print(rows)


@rollout_app.command("pause")
def rollout_pause(rollout_id: Id, as_json: AsJson = False) -> None:
    """Offer nothing more, and take back what is not installed yet."""
    _say(_do(lambda session, now: rollouts.pause_rollout(session, rollout_id, now)), as_json)


@rollout_app.command("resume")
def rollout_resume(
    rollout_id: Id,
    accept_failures: Annotated[
        bool, typer.Option("--accept-failures", help="After a halt: these failures halt it no more.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Go on where it stopped."""
    _say(
        _do(lambda session, _: rollouts.resume_rollout(session, _firmware(), rollout_id, accept_failures)),
        as_json,
    )


@rollout_app.command("abort")
def rollout_abort(
    rollout_id: Id,
    why: Annotated[str, typer.Option(help="Why, for the list of rollouts.")] = "",
    as_json: AsJson = False,
) -> None:
    """End it: what is not installed yet is taken back for good; what is installed stays."""
    _say(_do(lambda session, now: rollouts.abort_rollout(session, rollout_id, why, now)), as_json)


def _do(use_case: Callable[[Session, datetime], Result]) -> Result:
    """One use case in one transaction; what it refuses is said, with status 2."""
    settings = Settings()
    try:
        with open_database(settings).write() as session:
            return use_case(session, settings.make_clock().now())
    except FirmwareRefused as error:
        raise fail(str(error)) from error


def _firmware() -> FirmwareFolder:
    return FirmwareFolder(Settings().firmware_folder)


def _say(rollout: Rollout, as_json: bool) -> None:
    if as_json:
        print_json({"id": rollout.id, "state": rollout.state})
    else:
        say(f"Rollout {rollout.id} is {rollout.state}.")


def _document(rollout: Rollout, image: FirmwareImage, devices: list[Any]) -> dict[str, Any]:
    kept = ("device_id", "wave", "state", "at_bytes", "why", "excused")
    return {
        **rollout.model_dump(mode="json"),
        "firmware": f"{image.kind}/{image.seq}",
        "version": image.ver,
        "devices": [{name: getattr(device, name) for name in kept} for device in devices],
    }
