"""A manifest is one that a device can use, signed by a key that is trusted, over exactly this image."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replenish_server.fleet.manifest import Manifest, ManifestRefused, read_manifest
from replenish_server.fleet.signing import NoSigningKey, SigningKeys, check_image, load_public, sign_image

IMAGE = b"an image" * 1000


@pytest.fixture(scope="module")
def manifest(keys: SigningKeys) -> Manifest:
    """Of `IMAGE`."""
    return sign_image(keys.private, IMAGE, "level", 12, "0.2.0", 4096)


def test_what_was_signed_is_taken(keys: SigningKeys, manifest: Manifest) -> None:
    """Read back from its document, too."""
    check_image(read_manifest(manifest.document() | {"more": 1}), IMAGE, keys.trusted())


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"kind": "button"}, "signature"),
        ({"seq": 13}, "signature"),
        ({"ver": "0.2.1"}, "signature"),
        ({"block": 512}, "signature"),
        ({"sig": "A" * 512}, "signature"),
        ({"size": len(IMAGE) - 1}, "not the one"),
        ({"sha256": "0" * 64}, "not the one"),
        ({"key": "00000000"}, "not trusted"),
    ],
)
def test_whatever_was_changed_afterwards_is_refused(
    keys: SigningKeys, manifest: Manifest, changed: dict[str, Any], why: str
) -> None:
    """Every key of it, with a reason."""
    with pytest.raises(ManifestRefused, match=why):
        check_image(replace(manifest, **changed), IMAGE, keys.trusted())


def test_another_image_is_refused(keys: SigningKeys, manifest: Manifest) -> None:
    """Of the same size."""
    with pytest.raises(ManifestRefused, match="not the one"):
        check_image(manifest, IMAGE[:-1] + b"x", keys.trusted())


_ODD = st.one_of(st.none(), st.booleans(), st.floats(), st.text(max_size=5), st.integers(), st.just([]))


@given(st.sampled_from(list(Manifest.__dataclass_fields__)), _ODD)
def test_only_what_a_device_could_use_is_a_manifest(name: str, value: object) -> None:
    """Whatever stands under a key, it is read as it is or refused."""
    good = {"kind": "level", "seq": 1, "ver": "1", "size": 9, "block": 4096, "sha256": "0" * 64}
    document = good | {"key": "0" * 8, "sig": "A" * 512} | {name: value}
    try:
        read = read_manifest(document)
    except ManifestRefused as error:
        refused = str(error)
    else:
        refused = repr(name)
        assert read.document() == document
    assert repr(name) in refused


def test_a_key_is_never_overwritten(keys: SigningKeys) -> None:
    """It could not be made again, and devices in the field know no other."""
    with pytest.raises(NoSigningKey, match="move it away"):
        keys.create()


def test_a_public_key_of_elsewhere_is_trusted(keys: SigningKeys, tmp_path: Path) -> None:
    """From PEM, or from the private file; anything else is refused."""
    elsewhere = SigningKeys(tmp_path)
    known = elsewhere.trust(load_public(keys.private))
    assert elsewhere.trusted() == {known.key: known}
    (tmp_path / "no.pem").write_text("none")
    with pytest.raises(NoSigningKey, match="not a key"):
        load_public(tmp_path / "no.pem")


def test_signing_without_a_key_says_what_to_do(tmp_path: Path) -> None:
    """Instead of a stack trace."""
    with pytest.raises(NoSigningKey, match="key create"):
        sign_image(tmp_path / "none.pem", IMAGE, "level", 1, "1", 4096)
