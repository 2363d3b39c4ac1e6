"""PURE: what is wrong with a sensor, in sentences: it drifts, is noisy, or disagrees with counted use."""

from datetime import datetime

from replenish_server.households.date_texts import moment_text
from replenish_server.inventory import LevelHistory
from replenish_server.inventory.balance import Balance, Finding
from replenish_server.replenishment.amounts import amount

_DRIFT_SHARE = 0.05  # of the container, since the readings that are looked at began
_DRIFT_STEPS = 4  # and of what this sensor can tell from noise: less says nothing
_NOISY_SHARE = 0.015  # a step of a usual scale is half a percent


def sensor_sentences(
    history: LevelHistory,
    balance: Balance | None,
    capacity: int,
    unit: str,
    language: str,
    told_step: int | None = None,
) -> tuple[str, ...]:
    """What a person should know of the sensor, a sentence each; nothing where all is well.

    Args:
        history: of the last weeks.
        balance: level against counted use, where a device reports both.
        capacity: base units of a full container.
        unit: base unit.
        language: "ko", anything else is English.
        told_step: what one step is worth, where the device itself says so.
    """
    korean = language == "ko"
    said = [] if balance is None else _balance(balance, unit, korean)
    if abs(history.drift) > max(_DRIFT_SHARE * capacity, _DRIFT_STEPS * history.step):
        by = amount(abs(history.drift), unit, korean)
        up = history.drift > 0
        said.append(
            f"센서 값이 사용과 무관하게 {by} {'올라갔습니다' if up else '내려갔습니다'}. "
            "사용량으로 세지 않습니다."
            if korean
            else f"The sensor drifts: it {'rose' if up else 'sank'} by {by} without a refill or use; "
            "that is not counted as use."
        )
    if history.step > _NOISY_SHARE * capacity:
        least = amount(history.step, unit, korean)
        said.append(
            f"센서가 흔들려 {least}보다 작은 변화는 알 수 없습니다."
            if korean
            else f"The sensor is noisy: changes under {least} cannot be told from noise."
        )
    if told_step is not None:
        step = amount(told_step, unit, korean)
        said.append(
            f"기기가 {step} 단위로 알려 줍니다." if korean else f"The device tells it in steps of {step}."
        )
    return tuple(said)


def set_apart(readings: int, last_at: datetime, now: datetime, language: str) -> str:
    """What became of readings that the server dated into the future, and why.

    Args:
        readings: how many, 1 at least.
        last_at: the date of the newest, in the household's time zone.
        now: the moment, likewise.
        language: "ko", anything else is English.
    """
    until = moment_text(last_at, language, now.year)
    if language == "ko":
        return (
            f"기록 {readings}개는 시각이 {until}까지로 되어 있어 쓰지 않습니다. 그때 서버 시계가 틀렸습니다. "
            "기록은 보관되어 있습니다."
        )
    are = "reading is" if readings == 1 else "readings are"
    return (
        f"{readings} {are} dated up to {until}, because the server's clock was wrong then. "
        f"{'It is' if readings == 1 else 'They are'} kept, and not used."
    )


def _balance(balance: Balance, unit: str, korean: bool) -> list[str]:
    """Level against counted use."""
    if balance.finding in (Finding.UNKNOWN, Finding.BALANCED):
        return []
    fell, used = amount(balance.fell, unit, korean), amount(balance.used, unit, korean)
    both = (
        f"{balance.days}일 동안 {fell} 줄었고 {used} 사용한 것으로 집계되었습니다"
        if korean
        else f"In {balance.days} days the level fell by {fell}, and {used} were counted"
    )
    english, korean_text = _MEANS[balance.finding]
    return [f"{both}: {korean_text}" if korean else f"{both}: {english}"]


_MEANS = {
    Finding.DRIFTING: ("the sensor drifts.", "센서 값이 조금씩 변합니다."),
    Finding.LEAKING: (
        "something leaks, or is taken without being counted.",
        "새거나, 집계되지 않고 쓰이고 있습니다.",
    ),
    Finding.NOT_FOLLOWING: (
        "the sensor no longer follows, or somebody filled up unseen. Look at it.",
        "센서가 따라가지 못하거나 모르는 사이에 채워졌습니다. 확인해 주세요.",
    ),
}
