"""Registered firmware: signed images in the data folder, named by what they contain, and their rows."""

import hashlib
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlmodel import Session, col, select

from replenish_server.fleet.firmware_tables import FirmwareImage, Rollout
from replenish_server.fleet.manifest import Manifest, ManifestRefused
from replenish_server.fleet.signing import SigningKeys, check_image, check_signature
from replenish_server.fleet.units import OF_KIND
from replenish_server.ids import new_id

UNENDED = ("running", "paused", "halted")
"""States of a rollout that still has something to do."""


class FirmwareRefused(ValueError):
    """This cannot be done with that image or rollout; the text says what to do instead."""


@dataclass(frozen=True)
class FirmwareFolder:
    """The images of a data folder, and the keys whose images are taken.

    Args:
        folder: holds `images/<sha256>.bin`, and what `SigningKeys` keeps.
    """

    folder: Path
    _whole: dict[str, tuple[int, int, int]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def keys(self) -> SigningKeys:
        """The keys, read anew each time."""
        return SigningKeys(self.folder)

    def path(self, sha256: str) -> Path:
        """Where the image with this content lies."""
        return self.folder / "images" / f"{sha256}.bin"

    def put(self, sha256: str, image: bytes) -> None:
        """Keep an image; it is whole under its name, or not there."""
        path = self.path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        with temporary.open("wb") as file:
            file.write(image)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)

    def flaw(self, image: FirmwareImage) -> str:
        """What is wrong with an image's file, "" when it is whole. It is read again only when it changed."""
        path = self.path(image.sha256)
        try:
            found = path.stat()
            mark = (found.st_ino, found.st_size, found.st_mtime_ns)
            if self._whole.get(image.sha256) == mark:
                return ""
            content = path.read_bytes() if found.st_size == image.size else b""
        except OSError as error:
            return f"{path} cannot be read ({error.strerror})"
        if hashlib.sha256(content).hexdigest() != image.sha256:
            return f"{path} is damaged: it is not what was signed"
        self._whole[image.sha256] = mark
        return ""


def add_image(
    session: Session, firmware: FirmwareFolder, manifest: Manifest, image: bytes, now: datetime
) -> FirmwareImage:
    """Register an image, inside the caller's transaction; its bytes are kept before its row.

    The same one again puts its file back, where that was lost.

    Raises:
        ManifestRefused: it is not the signed image, or nobody whom we trust signed it.
        FirmwareRefused: an unknown kind, or a sequence that is not above all before.
    """
    if manifest.kind not in OF_KIND:
        raise FirmwareRefused(f"unknown kind {manifest.kind!r}; this release knows {', '.join(OF_KIND)}")
    check_image(manifest, image, firmware.keys.trusted())
    known = session.exec(
        select(FirmwareImage)
        .where(FirmwareImage.kind == manifest.kind)
        .order_by(col(FirmwareImage.seq).desc())
    ).all()
    for row in known:
        if row.removed_at is None and manifest_of(row) == manifest and firmware.flaw(row):
            firmware.put(manifest.sha256, image)
            return row
    if known and manifest.seq <= known[0].seq:
        raise FirmwareRefused(
            f"sequence {manifest.seq} is not above {known[0].seq}, the highest of {manifest.kind}; "
            "devices never go back: sign it again with a higher one"
        )
    firmware.put(manifest.sha256, image)
    row = FirmwareImage(id=new_id("fw"), added_at=now, **manifest.document())
    session.add(row)
    session.flush()
    return row


def check_ready(firmware: FirmwareFolder, image: FirmwareImage) -> None:
    """That an image can be given to devices: not removed, its file whole, its key still trusted.

    Raises:
        FirmwareRefused: it cannot.
    """
    name = f"{image.kind}/{image.seq}"
    if image.removed_at is not None:
        raise FirmwareRefused(f"{name} was removed")
    flaw = firmware.flaw(image)
    if flaw:
        raise FirmwareRefused(
            f"{name} cannot be given out: {flaw}. Put it back with: replenish firmware add FILE "
            "(the same image, with its manifest beside it)"
        )
    try:
        check_signature(manifest_of(image), firmware.keys.trusted())
    except ManifestRefused as error:
        raise FirmwareRefused(f"{name} cannot be given out: {error}") from error


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


def drop_bytes(session: Session, firmware: FirmwareFolder, image: FirmwareImage) -> None:
    """Delete the bytes of an image that was removed, unless another one has the same."""
    same = select(FirmwareImage.id).where(
        FirmwareImage.sha256 == image.sha256, col(FirmwareImage.removed_at).is_(None)
    )
    if session.exec(same).first() is None:
        firmware.path(image.sha256).unlink(missing_ok=True)


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
