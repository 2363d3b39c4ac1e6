"""Registered firmware: signed images in the data folder, named by what they contain, and their rows."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session, col, func, select

from replenish_server.fleet.firmware_tables import FirmwareImage, Rollout
from replenish_server.fleet.manifest import Manifest
from replenish_server.fleet.signing import PublicKey, check_image
from replenish_server.fleet.units import OF_KIND
from replenish_server.ids import new_id

UNENDED = ("running", "paused", "halted")
"""States of a rollout that still has something to do."""


class FirmwareRefused(ValueError):
    """This cannot be done with that image or rollout; the text says what to do instead."""


@dataclass(frozen=True)
class ImageStore:
    """The folder of the images.

    Args:
        folder: holds `<sha256>.bin`.
    """

    folder: Path

    def path(self, sha256: str) -> Path:
        """Where the image with this content lies."""
        return self.folder / f"{sha256}.bin"

    def put(self, sha256: str, image: bytes) -> None:
        """Keep an image; it is whole under its name, or not there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.path(sha256).with_suffix(".new")
        with temporary.open("wb") as file:
            file.write(image)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path(sha256))


def add_image(
    session: Session,
    store: ImageStore,
    manifest: Manifest,
    image: bytes,
    trusted: Mapping[str, PublicKey],
    now: datetime,
) -> FirmwareImage:
    """Register an image, inside the caller's transaction; its bytes are kept before its row.

    Raises:
        ManifestRefused: it is not the signed image, or nobody whom we trust signed it.
        FirmwareRefused: an unknown kind, or a sequence that is not above all before.
    """
    if manifest.kind not in OF_KIND:
        raise FirmwareRefused(f"unknown kind {manifest.kind!r}; this release knows {', '.join(OF_KIND)}")
    check_image(manifest, image, trusted)
    newest = session.exec(
        select(func.max(FirmwareImage.seq)).where(FirmwareImage.kind == manifest.kind)
    ).one()
    if newest is not None and manifest.seq <= newest:
        raise FirmwareRefused(
            f"sequence {manifest.seq} is not above {newest}, the highest of {manifest.kind}; "
            "devices never go back: sign it again with a higher one"
        )
    store.put(manifest.sha256, image)
    row = FirmwareImage(id=new_id("fw"), added_at=now, **manifest.document())
    session.add(row)
    session.flush()
    return row


def list_images(session: Session) -> list[FirmwareImage]:
    """Every image that was ever registered, newest first."""
    return list(session.exec(select(FirmwareImage).order_by(col(FirmwareImage.added_at).desc())))


def remove_image(session: Session, image_id: str, now: datetime) -> FirmwareImage:
    """Withdraw an image: it can be rolled out no more. Its bytes go once that is committed; see `drop_bytes`.

    Raises:
        FirmwareRefused: there is no such image, or a rollout of it has not ended.
    """
    image = find_image(session, image_id)
    if image.removed_at is not None:
        return image
    unended = select(Rollout.id).where(Rollout.image_id == image.id, col(Rollout.state).in_(UNENDED))
    rollout_id = session.exec(unended).first()
    if rollout_id is not None:
        raise FirmwareRefused(
            f"rollout {rollout_id} of it has not ended; run: replenish rollout abort {rollout_id}"
        )
    image.removed_at = now
    session.add(image)
    return image


def drop_bytes(session: Session, store: ImageStore, image: FirmwareImage) -> None:
    """Delete the bytes of an image that was removed, unless another one has the same."""
    same = select(FirmwareImage.id).where(
        FirmwareImage.sha256 == image.sha256, col(FirmwareImage.removed_at).is_(None)
    )
    if session.exec(same).first() is None:
        store.path(image.sha256).unlink(missing_ok=True)


def find_image(session: Session, image_id: str) -> FirmwareImage:
    """An image by its id, or by "kind/sequence".

    Raises:
        FirmwareRefused: there is none.
    """
    kind, _, number = image_id.partition("/")
    query = select(FirmwareImage)
    if number.isdecimal():
        query = query.where(FirmwareImage.kind == kind, FirmwareImage.seq == int(number))
    else:
        query = query.where(FirmwareImage.id == image_id)
    image = session.exec(query).first()
    if image is None:
        raise FirmwareRefused(f"there is no firmware {image_id!r}; see: replenish firmware list")
    return image


def manifest_of(image: FirmwareImage) -> Manifest:
    """The manifest as it was signed."""
    return Manifest(**{name: getattr(image, name) for name in Manifest.__dataclass_fields__})
