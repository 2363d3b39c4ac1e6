"""The part of the catalogue that speaks of stock and of fitted units. English and Korean side by side."""

from typing import Final

STOCK_PHRASES: Final[dict[str, tuple[str, str]]] = {
    "stock.used": ("Used in the last {days} days", "지난 {days}일 사용량"),
    "stock.used_value": ("{amount}, at most {most} in a day", "{amount}, 하루 최대 {most}"),
    "stock.elsewhere": ("Bought elsewhere", "다른 곳에서 구입"),
    "stock.elsewhere_value": (
        "{when}: packs filled in that no order of ours brought: {packs}",
        "{when}: 우리 주문이 아닌 팩 {packs}개가 채워짐",
    ),
    "stock.sensor": ("About the sensor", "센서 상태"),
    "stock.fitted": ("A new one was fitted", "새것으로 교체함"),
    "stock.fitted_hint": (
        "The device counts what is used; when a new one begins, only you know.",
        "이 기기는 사용량을 셉니다. 새것으로 바꾼 때는 직접 알려 주세요.",
    ),
    "stock.remaining": ("Or: what remains in the present one", "또는 지금 남은 양"),
    "stock.remaining_save": ("Correct", "고치기"),
    "error.remaining": (
        "Give what remains as a whole number, at most {capacity}.",
        "남은 양을 {capacity} 이하의 정수로 입력해 주세요.",
    ),
    "notice.fitted_saved": ("Noted; it is counted from here.", "기록했습니다. 지금부터 다시 셉니다."),
}
