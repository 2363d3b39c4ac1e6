"""The commands about firmware: keys that sign it, signing, and the images that may be rolled out."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from replenish_server.cli.parts import AsJson, console, fail, open_database, print_json, say
from replenish_server.fleet.images import (
    FirmwareFolder,
    FirmwareRefused,
    add_image,
    drop_bytes,
    list_images,
    remove_image,
)
from replenish_server.fleet.manifest import MAX_SIZE_BYTES, Manifest, ManifestRefused, read_manifest
from replenish_server.fleet.signing import NoSigningKey, PublicKey, SigningKeys, load_public, sign_image
from replenish_server.fleet.units import OF_KIND
from replenish_server.settings import Settings

firmware_app = typer.Typer(no_args_is_help=True, help="Firmware: sign images, and register them.")
key_app = typer.Typer(no_args_is_help=True, help="The keys that sign firmware.")
firmware_app.add_typer(key_app, name="key")

Image = Annotated[Path, typer.Argument(help="The image, as the build made it.", exists=True, dir_okay=False)]


@key_app.command("create")
def key_create(as_json: AsJson = False) -> None:
    """Make a key and trust it. Its public half goes into the firmware, the private one where you build."""
    keys = SigningKeys(Settings().firmware_folder)
    try:
        made = keys.create()
    except NoSigningKey as error:
        raise fail(str(error)) from error
    if as_json:
        print_json(_public(made) | {"private": str(keys.private)})
        return
    say(f"Key {made.key} is in {keys.private}; whoever has it can change every device.")
    say(f"Its public half, for the firmware:\n{made.modulus:x}")


@key_app.command("trust")
def key_trust(
    file: Annotated[Path, typer.Argument(help="A public key in PEM.", exists=True, dir_okay=False)],
    as_json: AsJson = False,
) -> None:
    """Take images that a key of elsewhere signed."""
    try:
        known = SigningKeys(Settings().firmware_folder).trust(load_public(file))
    except NoSigningKey as error:
        raise fail(str(error)) from error
    if as_json:
        print_json(_public(known))
    else:
        say(f"Images signed with {known.key} are taken from now on.")


@key_app.command("list")
def key_list(
    as_module: Annotated[
        bool, typer.Option("--as-module", help="As firmware/keys.py, to be frozen into images.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """The keys whose images are taken, with their public half."""
    known = SigningKeys(Settings().firmware_folder).trusted().values()
    if as_module:
        lines = [f'    "{key.key}": "{key.modulus:x}",' for key in known]
        head = '"""Whose firmware this board takes: the modulus of each key, in hex, by its name."""'
        typer.echo("\n".join([head, "", "KEYS = {", *lines, "}"]))
        return
    if as_json:
        print_json([_public(key) for key in known])
        return
    for key in known:
        say(f"{key.key} {key.modulus:x}")


@firmware_app.command("sign")
def firmware_sign(
    image: Image,
    kind: Annotated[str, typer.Option(help=f"One of: {', '.join(OF_KIND)}.")],
    seq: Annotated[int, typer.Option(help="Sequence; above all images of this kind before.")],
    version: Annotated[str, typer.Option(help="As the image says it in its health (`fw`).")],
    key: Annotated[
        Path | None, typer.Option(help="The private key; else the one of the data folder.")
    ] = None,
    block: Annotated[int, typer.Option(help="Bytes that a device writes at once.")] = 4096,
    as_json: AsJson = False,
) -> None:
    """Sign an image: writes its manifest beside it, into IMAGE.manifest.json."""
    try:
        private = key or SigningKeys(Settings().firmware_folder).private
        manifest = sign_image(private, _read(image), kind, seq, version, block)
    except (NoSigningKey, ManifestRefused) as error:
        raise fail(str(error)) from error
    beside = _beside(image)
    beside.write_text(json.dumps(manifest.document(), indent=2) + "\n", encoding="utf-8")
    if as_json:
        print_json(manifest.document() | {"manifest": str(beside)})
    else:
        say(f"Signed with {manifest.key}: {beside}. Next: replenish firmware add {image}")


@firmware_app.command("add")
def firmware_add(image: Image, as_json: AsJson = False) -> None:
    """Register an image with the manifest beside it; both are checked as a device would."""
    settings = Settings()
    database = open_database(settings)
    try:
        manifest, content = _manifest(image), _read(image)
        with database.write() as session:
            row = add_image(
                session,
                FirmwareFolder(settings.firmware_folder),
                manifest,
                content,
                settings.make_clock().now(),
            )
    except (ManifestRefused, FirmwareRefused) as error:
        raise fail(str(error)) from error
    if as_json:
        print_json({"id": row.id} | manifest.document())
    else:
        say(
            f"Registered {row.kind}/{row.seq} ({row.ver}). Next: replenish rollout start {row.kind}/{row.seq}"
        )


@firmware_app.command("list")
def firmware_list(as_json: AsJson = False) -> None:
    """Every image, newest first."""
    settings = Settings()
    with open_database(settings).read() as session:
        images = list_images(session)
    folder = FirmwareFolder(settings.firmware_folder)
    flaws = {image.id: "" if image.removed_at else folder.flaw(image) for image in images}
    if as_json:
        print_json([image.model_dump(mode="json") | {"flaw": flaws[image.id]} for image in images])
        return
    table = Table("firmware", "version", "bytes", "signed by", "added", "removed", "file")
    for image in images:
        added = image.added_at.isoformat(timespec="minutes")
        removed = "" if image.removed_at is None else image.removed_at.isoformat(timespec="minutes")
        name, file = f"{image.kind}/{image.seq}", "" if removed else flaws[image.id] or "whole"
        table.add_row(name, image.ver, str(image.size), image.key, added, removed, file)
    console.print(table)


@firmware_app.command("remove")
def firmware_remove(
    image_id: Annotated[str, typer.Argument(help="KIND/SEQUENCE, as `firmware list` says it.")],
    as_json: AsJson = False,
) -> None:
    """Withdraw an image: it is rolled out no more, and its bytes are deleted."""
    settings = Settings()
    try:
        database = open_database(settings)
        with database.write() as session:
            image = remove_image(session, image_id, settings.make_clock().now())
        with database.read() as session:
            drop_bytes(session, FirmwareFolder(settings.firmware_folder), image)
    except FirmwareRefused as error:
        raise fail(str(error)) from error
    if as_json:
        print_json({"id": image.id, "removed": True})
    else:
        say(f"Removed {image.kind}/{image.seq}.")


def _public(key: PublicKey) -> dict[str, str]:
    return {"key": key.key, "modulus": f"{key.modulus:x}"}


def _beside(image: Path) -> Path:
    return image.with_name(image.name + ".manifest.json")


def _read(image: Path) -> bytes:
    """The image; one that is too large is not even read."""
    if image.stat().st_size > MAX_SIZE_BYTES:
        raise ManifestRefused(f"{image} has more than {MAX_SIZE_BYTES} bytes; no device could hold it")
    return image.read_bytes()


def _manifest(image: Path) -> Manifest:
    try:
        found = json.loads(_beside(image).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ManifestRefused(
            f"no readable manifest in {_beside(image)}; run: replenish firmware sign"
        ) from error
    return read_manifest(found if isinstance(found, dict) else {})
