"""The catalogue of everything the pages say, in English and Korean side by side.

Every key holds both languages; a test checks that both ask for the same values. Sentences are plain text with
named places, never markup: the templates escape them. Korean sentences avoid particles after inserted names.
"""

from typing import Final

from replenish_server.web.consents_phrases import CONSENTS_PHRASES
from replenish_server.web.console_phrases import CONSOLE_PHRASES
from replenish_server.web.devices_phrases import DEVICES_PHRASES
from replenish_server.web.fleet_phrases import FLEET_PHRASES
from replenish_server.web.life_phrases import LIFE_PHRASES
from replenish_server.web.mandate_phrases import MANDATE_PHRASES
from replenish_server.web.people_phrases import PEOPLE_PHRASES
from replenish_server.web.products_phrases import PRODUCTS_PHRASES
from replenish_server.web.shopping_phrases import SHOPPING_PHRASES
from replenish_server.web.stock_phrases import STOCK_PHRASES
from replenish_server.web.views import Lang

# Each key holds the English and the Korean phrase, in this order.
PHRASES: Final[dict[str, tuple[str, str]]] = {
    **CONSOLE_PHRASES,
    **DEVICES_PHRASES,
    **FLEET_PHRASES,
    **LIFE_PHRASES,
    **MANDATE_PHRASES,
    **PEOPLE_PHRASES,
    **CONSENTS_PHRASES,
    **PRODUCTS_PHRASES,
    **SHOPPING_PHRASES,
    **STOCK_PHRASES,
    # The frame of every page
    "site.name": ("Replenish", "자동 보충"),
    "site.skip": ("Skip to the content", "본문으로 건너뛰기"),
    "site.language": ("Language", "언어"),
    "site.home": ("All supplies", "전체 물품"),
    "site.rooms": ("Pages", "메뉴"),
    "site.path": ("You are here", "현재 위치"),
    "site.times": ("Times are shown for {tz}.", "시간은 {tz} 기준입니다."),
    "site.lost": (
        "No connection to the server. The figures may be old; we keep trying.",
        "서버에 연결되지 않습니다. 표시된 값이 오래되었을 수 있으며, 계속 다시 시도합니다.",
    ),
    "site.signed_out": (
        "You are signed out, so the figures no longer change. What you typed is still here.",
        "로그아웃되어 표시된 값이 더는 바뀌지 않습니다. 입력하신 내용은 그대로 있습니다.",
    ),
    # Home
    "home.attention": ("Waiting for you", "확인이 필요합니다"),
    "home.slots": ("Supplies", "물품"),
    "home.see_budget": ("What may be spent, and the budget", "지출 규칙과 예산 보기"),
    "home.orders": ("Orders", "주문"),
    "home.no_slots": (
        "Nothing is watched yet. Add a device with its code; what it watches shows up here.",
        "아직 등록된 기기가 없습니다. 기기의 코드로 추가하면 여기에 나타납니다.",
    ),
    "home.no_orders": ("No orders yet.", "아직 주문이 없습니다."),
    # A slot
    "slot.level": ("Level", "잔량"),
    "slot.level_of": ("{level} of {capacity}", "{capacity} 중 {level}"),
    "slot.percent": ("{n} % full", "{n}% 남음"),
    "slot.low": ("Low", "부족"),
    "slot.measured": ("Measured {when}", "측정: {when}"),
    "slot.stale": ("Old reading", "오래된 측정값"),
    "slot.stale_text": (
        "The last reading is from {when}. Nothing is ordered on an old reading.",
        "마지막 측정: {when}. 오래된 값으로는 주문하지 않습니다.",
    ),
    "slot.unknown": ("Level unknown", "잔량을 알 수 없음"),
    "slot.unknown_text": (
        "There is no reliable reading, so nothing is ordered. Check its power and its place.",
        "믿을 수 있는 측정값이 없어 주문하지 않습니다. 기기의 전원과 설치 상태를 확인해 주세요.",
    ),
    "slot.unknown_counted": (
        "How much was there at first is not known, so nothing is ordered. Say on its page what remains.",
        "처음에 얼마나 있었는지 몰라 주문하지 않습니다. 물품 페이지에서 남은 양을 알려 주세요.",
    ),
    "slot.button": ("Button", "버튼"),
    "slot.button_text": (
        "A button measures nothing: it asks for an order when somebody presses it.",
        "버튼은 잔량을 재지 않습니다. 누르면 주문을 요청합니다.",
    ),
    "slot.threshold_mark": ("Order threshold: {amount}", "주문 기준: {amount}"),
    "slot.run_out": ("Expected to run out", "예상 소진일"),
    "slot.run_out_around": ("around {date}", "{date}경"),
    "slot.run_out_range": (
        "most likely between {earliest} and {latest}",
        "대체로 {earliest} ~ {latest}",
    ),
    "slot.run_out_unknown": ("Not known at the moment", "지금은 알 수 없음"),
    "slot.next_order": ("Expected to be wanted again", "다음 주문 예상일"),
    "slot.next_order_text": (
        "Worked out from earlier orders: what was bought elsewhere is not seen.",
        "이전 주문으로 추정한 날짜이며, 다른 곳에서 산 것은 알 수 없습니다.",
    ),
    "slot.run_out_none": ("A button cannot tell", "버튼으로는 알 수 없음"),
    "slot.rate": ("Use per day", "하루 사용량"),
    "slot.rate_value": ("about {amount}", "약 {amount}"),
    "slot.product": ("Product", "제품"),
    "slot.pack": ("Pack", "포장"),
    "slot.stock": ("In stock and coming", "여분과 배송 중"),
    "slot.spare": ("{n} spare", "여분 {n}개"),
    "slot.on_order": ("{n} on order", "주문 중 {n}개"),
    "slot.inferred": ("Probably at home", "집에 있을 것으로 추정"),
    "slot.inferred_value": ("about {packs} packs ({low} to {high})", "약 {packs}팩({low}~{high})"),
    "slot.spare_count": ("Unopened packs at home", "집에 있는 새 팩 수"),
    "slot.spare_save": ("Correct", "고치기"),
    "slot.spare_hint": (
        "Counted from deliveries and refills. What was bought elsewhere is only seen when it is filled in.",
        "배송과 보충으로 셉니다. 다른 곳에서 산 것은 채울 때만 알 수 있습니다.",
    ),
    "slot.device": ("Device", "기기"),
    "slot.last_seen": ("heard {when}", "마지막 연결: {when}"),
    "slot.never_seen": ("not heard yet", "아직 연결된 적 없음"),
    "slot.why": ("Why", "판단 이유"),
    "slot.decided": ("Decided {when}", "판단: {when}"),
    "slot.rules_checked": ("What was checked", "확인한 항목"),
    "slot.rule_ok": ("passed", "충족"),
    "slot.rule_not": ("not met", "미충족"),
    "slot.open_order": ("Open order", "진행 중인 주문"),
    "slot.mode_ask": ("Asks first", "먼저 묻기"),
    "slot.mode_auto": ("Orders by itself", "자동 주문"),
    "slot.mode_notify": ("Only tells", "알림만"),
    "slot.mode_shadow": ("On trial", "시험 운용"),
    "decision.hold": ("No order now", "지금은 주문 안 함"),
    "decision.order": ("Order", "주문"),
    "decision.ask": ("Ask first", "먼저 묻기"),
    "decision.notify": ("You are told", "알림만"),
    "decision.shadow": ("On trial", "시험 운용"),
    # The threshold on the device
    "twin.title": ("On the device", "기기 반영 상태"),
    "twin.in_force": ("In force", "적용됨"),
    "twin.in_force_text": ("The device works with {reported}.", "기기에 적용된 값: {reported}."),
    "twin.pending": ("Pending", "대기 중"),
    "twin.pending_text": (
        "The device has not confirmed {desired} yet. A device on batteries does so when it next wakes up.",
        "기기가 아직 {desired} 값을 확인하지 않았습니다. 배터리 기기는 다음에 깨어날 때 확인합니다.",
    ),
    "twin.until_then": ("Until then it works with {reported}.", "그때까지 사용하는 값: {reported}."),
    "twin.limited": ("Limited by device", "기기에서 제한됨"),
    "twin.limited_text": (
        "You asked for {desired}; the device can only do {reported} and works with that.",
        "요청한 값: {desired}. 기기가 허용하는 값: {reported}. 허용되는 값으로 동작합니다.",
    ),
    "twin.since": ("Since {when}", "{when}부터"),
    # The form
    "form.title": ("Rules", "규칙"),
    "form.threshold": ("Order at the latest when this is left", "늦어도 이만큼 남았을 때 주문"),
    "form.threshold_hint": (
        "A whole number, at most {capacity}. It orders earlier when a parcel would come too late.",
        "정수로 입력해 주세요. 최대 {capacity}. 배송이 늦을 것 같으면 더 일찍 주문합니다.",
    ),
    "form.threshold_hint_open": ("A whole number.", "정수로 입력해 주세요."),
    "form.unit.g": ("grams", "그램"),
    "form.unit.ml": ("millilitres", "밀리리터"),
    "form.unit.pages": ("pages", "매"),
    "form.unit.presses": ("presses", "회"),
    "form.mode": ("When it is time to order", "주문할 때가 되면"),
    "form.ask": ("Ask me first", "먼저 물어보기"),
    "form.ask_hint": (
        "Nothing is bought until you approve it here.",
        "여기에서 승인하기 전에는 아무것도 구매하지 않습니다.",
    ),
    "form.auto": ("Just order", "바로 주문하기"),
    "form.auto_hint": (
        "Orders with obligation to pay, without asking, and never above the limit below.",
        "묻지 않고 결제 의무가 있는 주문을 하며, 아래 한도를 절대 넘지 않습니다.",
    ),
    "form.notify": ("Only tell me", "알려만 주기"),
    "form.notify_hint": ("Nothing is ordered; you get a notice.", "주문하지 않고 알림만 보냅니다."),
    "form.shadow": ("On trial", "시험 운용"),
    "form.shadow_hint": (
        "Everything but the buying: the page shows what would have been ordered.",
        "구매만 하지 않습니다. 무엇을 주문했을지 화면에 보여 줍니다.",
    ),
    "form.timing": ("How early to order", "얼마나 일찍 주문할까요"),
    "form.timing_early": ("Rather early", "조금 일찍"),
    "form.timing_balanced": ("In between", "중간"),
    "form.timing_late": ("As late as safe", "안전한 한 늦게"),
    "form.timing_means": (
        "Orders at {amount}: about {days} days left when the parcel comes; out about once in {years} years.",
        "{amount}에서 주문: 배송이 올 때 약 {days}일분이 남고, 약 {years}년에 한 번 떨어집니다.",
    ),
    "form.timing_seldom": (
        "Orders at {amount}: about {days} days left when the parcel comes; hardly ever out.",
        "{amount}에서 주문: 배송이 올 때 약 {days}일분이 남고, 거의 떨어지지 않습니다.",
    ),
    "form.timing_unknown": (
        "Its days are shown once the level is known.",
        "잔량을 알게 되면 일수가 표시됩니다.",
    ),
    "timing.curve": (
        "From {most} run-outs in ten years at {least_days} days of cover to {least} at {most_days} days.",
        "여유 {least_days}일이면 10년에 {most}번, {most_days}일이면 {least}번 떨어집니다.",
    ),
    "timing.cover": ("days of cover", "여유 일수"),
    "timing.outs": ("run-outs in ten years", "10년간 소진 횟수"),
    "error.spare": (
        "Give the number of unopened packs, 0 to 99.",
        "뜯지 않은 팩의 수를 0에서 99 사이로 입력해 주세요.",
    ),
    "error.timing": ("Choose how early to order.", "얼마나 일찍 주문할지 선택해 주세요."),
    "form.cap": ("Most that one order may cost", "주문 한 번의 최대 금액"),
    "form.cap_hint": (
        "Total with delivery, in {currency}. “Just order” needs a limit.",
        "배송비 포함 총액({currency}). “바로 주문하기”에는 한도가 필요합니다.",
    ),
    "form.save": ("Save rules", "규칙 저장"),
    "form.wrong": ("Not saved yet. Please correct:", "아직 저장되지 않았습니다. 다음을 고쳐 주세요."),
    "error.threshold_missing": ("Give a number for the threshold.", "주문 기준 값을 입력해 주세요."),
    "error.threshold_number": (
        "The threshold must be a whole number such as 400.",
        "주문 기준은 400처럼 정수로 입력해 주세요.",
    ),
    "error.threshold_high": (
        "The threshold can be at most {capacity}: more than that does not fit.",
        "주문 기준은 {capacity} 이하로 입력해 주세요. 그보다 많이는 들어가지 않습니다.",
    ),
    "error.mode": ("Choose one of these.", "하나를 선택해 주세요."),
    "error.cap_number": (
        "The limit must be an amount such as {example}.",
        "한도는 {example}처럼 금액으로 입력해 주세요.",
    ),
    "error.cap_range": (
        "The limit must be above 0 and at most {most}.",
        "한도는 0보다 크고 {most} 이하여야 합니다.",
    ),
    "error.cap_needed": (
        "“Just order” needs a limit: give the most that one order may cost.",
        "“바로 주문하기”에는 한도가 필요합니다. 주문 한 번의 최대 금액을 입력해 주세요.",
    ),
    # Orders
    "home.paused": (
        "This home’s orders are paused and leave again on {day}.",
        "이 집의 주문은 일시 중지되었고 {day}부터 다시 나갑니다.",
    ),
    "order.title": ("Order", "주문"),
    "order.packs.one": ("{n} pack", "{n}개"),
    "order.packs.many": ("{n} packs", "{n}개"),
    "order.quantity": ("Quantity", "수량"),
    "order.total": ("Total price", "총 금액"),
    "order.total_unknown": ("not quoted yet", "아직 견적 없음"),
    "order.cap_is": ("at most {amount} (your limit)", "최대 {amount}(설정한 한도)"),
    "order.retailer": ("Shop", "판매처"),
    "order.created": ("Started", "시작"),
    "order.trigger": ("Started by", "시작 원인"),
    "order.trigger_level": ("a low level", "잔량 부족"),
    "order.trigger_press": ("a press of the button", "버튼 누름"),
    "order.reason": ("Why", "주문 이유"),
    "order.problem": ("What is wrong", "문제"),
    "order.trying": (
        "The shop gives no answer yet ({n} tries). It is asked again by itself; nothing is bought twice.",
        "상점이 아직 답하지 않습니다({n}번 시도). 자동으로 다시 시도하며 두 번 사지 않습니다.",
    ),
    "order.timeline": ("What happened", "진행 내역"),
    "order.for_slot": ("For", "물품"),
    "order.see": ("See the order", "주문 보기"),
    "order.at_shop": ("Open at the shop", "판매처에서 열기"),
    "order.approve_total": (
        "Order with obligation to pay — {amount}",
        "결제 의무가 있는 주문하기 — {amount}",
    ),
    "order.approve_cap": (
        "Order with obligation to pay — up to {amount}",
        "결제 의무가 있는 주문하기 — 최대 {amount}",
    ),
    "order.you_order": ("You order", "주문 내용"),
    "order.doubtful": (
        "If the shop has this order already, do not order again: say on its page that the shop has it.",
        "판매처에 이미 주문이 있다면 다시 주문하지 말고, 주문 페이지에서 판매처에 있다고 알려 주세요.",
    ),
    "order.price_asked": (
        "The shop is asked for its price. You can approve the order once it is here.",
        "판매처에 가격을 묻고 있습니다. 가격이 오면 승인하실 수 있습니다.",
    ),
    "order.no_price": (
        "There is no price and no limit yet, so it cannot be approved. Set the most that one order may cost.",
        "가격도 한도도 없어 아직 승인할 수 없습니다. 주문 한 번의 최대 금액을 정해 주세요.",
    ),
    "order.set_limit": ("Set a limit", "한도 정하기"),
    "order.decline": ("Don’t order", "주문하지 않기"),
    "order.step_cooling_off": ("Waiting, so that you can cancel", "취소하실 수 있도록 기다림"),
    "order.cancel": ("Cancel this order", "주문 취소"),
    "state.needs_approval": ("Needs your approval", "승인 필요"),
    "state.proposed": ("Proposed", "제안됨"),
    "state.cooling_off": ("Can still be canceled", "아직 취소 가능"),
    "state.placing": ("Being placed", "주문 넣는 중"),
    "state.placed": ("Placed", "주문 완료"),
    "state.needs_attention": ("Needs attention", "확인 필요"),
    "state.shipped": ("Shipped", "배송 중"),
    "state.ready_for_pickup": ("Ready for pickup", "수령 가능"),
    "state.delivered": ("Delivered", "배송 완료"),
    "state.closed": ("Done", "완료"),
    "state.canceled": ("Canceled", "취소됨"),
    "state.failed": ("Failed", "실패"),
    "state.expired": ("Expired", "기한 만료"),
    # The chart
    "chart.title": ("Level over time", "시간에 따른 잔량"),
    "chart.empty": (
        "No readings yet. The chart begins with the first.",
        "아직 측정값이 없습니다. 첫 측정부터 표시됩니다.",
    ),
    "chart.level": ("Level", "잔량"),
    "chart.gap": ("No readings", "측정 없음"),
    "chart.threshold": ("Order threshold", "주문 기준"),
    "chart.order": ("Order placed", "주문"),
    "chart.refill": ("Refilled", "보충"),
    "chart.forecast": ("Forecast", "예상"),
    "chart.now": ("now", "지금"),
    "chart.desc_levels": (
        "From {start} to {end} the level went from {first} to {last}; lowest {lowest}, highest {highest}.",
        "{start}부터 {end}까지: 처음 {first}, 마지막 {last}, 최저 {lowest}, 최고 {highest}.",
    ),
    "chart.desc_marks": ("Orders: {orders}. Refills: {refills}.", "주문 {orders}회, 보충 {refills}회."),
    "chart.desc_run_out": (
        "Expected to run out around {median}, most likely between {earliest} and {latest}.",
        "예상 소진일 {median}경, 대체로 {earliest} ~ {latest}.",
    ),
    "chart.table": ("The chart as a table", "표로 보기"),
    "chart.when": ("Day", "날짜"),
    "chart.lowest": ("Lowest", "최저"),
    "chart.highest": ("Highest", "최고"),
    "chart.events": ("Events", "사건"),
    # Notices after a form, by key only
    "notice.rules_saved": ("The rules are saved.", "규칙을 저장했습니다."),
    "notice.spare_saved": ("The spare packs are noted.", "여분 개수를 기록했습니다."),
    "notice.approved": (
        "Approved. The order is on its way to the shop.",
        "승인했습니다. 판매처에 주문을 넣습니다.",
    ),
    "notice.canceled": ("The order is called off.", "주문을 취소했습니다."),
    "notice.offer_changed": (
        "The price or the quantity has changed since you looked. Nothing was ordered; please look again.",
        "보신 뒤에 가격이나 수량이 바뀌었습니다. 주문하지 않았으니 다시 확인해 주세요.",
    ),
    "refused.title": ("That did not go through", "처리하지 못했습니다"),
    "refused.state_changed": (
        "The order has moved on in the meantime, so this is no longer possible.",
        "그 사이에 주문 상태가 바뀌어 더 이상 할 수 없습니다.",
    ),
    "refused.slot_gone": ("This supply is no longer here.", "이 물품은 더 이상 없습니다."),
    "refused.rules_changed": (
        "Somebody changed these rules meanwhile. Look at yours below; saving again replaces theirs.",
        "그사이 다른 사람이 규칙을 바꿨습니다. 아래 입력을 확인하세요. 다시 저장하면 대체됩니다.",
    ),
    "refused.threshold_over_capacity": (
        "The threshold must be less than what the container holds.",
        "기준은 용기 용량보다 작아야 합니다.",
    ),
    # Pages for what went wrong
    "page.404.title": ("There is nothing here", "찾을 수 없는 페이지입니다"),
    "page.404.text": (
        "The address may be mistyped, or the order or supply is no longer yours. Go back to your supplies.",
        "주소가 잘못되었거나 더 이상 없는 물품 또는 주문입니다. 전체 물품으로 돌아가 주세요.",
    ),
    "page.403.title": ("Not accepted", "허용되지 않은 요청입니다"),
    "page.403.text": (
        "This request did not come from one of these pages, so nothing was changed. Open the page first.",
        "이 페이지에서 보낸 요청이 아니어서 아무것도 바꾸지 않았습니다. 페이지를 열어 다시 시도해 주세요.",
    ),
    "page.400.title": ("That request cannot be read", "읽을 수 없는 요청입니다"),
    "page.400.text": (
        "Nothing was changed. Open the page again and send the form from there.",
        "아무것도 바꾸지 않았습니다. 페이지를 다시 열어 양식을 보내 주세요.",
    ),
    "page.405.title": ("This address only takes a form", "양식 전송용 주소입니다"),
    "page.405.text": (
        "Nothing was changed. Go back to your supplies.",
        "아무것도 바꾸지 않았습니다. 전체 물품으로 돌아가 주세요.",
    ),
    "page.host.title": ("Unknown address", "알 수 없는 주소입니다"),
    "page.host.text": (
        "No answer under this name. Use the printed address or allow the name in the settings.",
        "이 이름으로는 응답하지 않습니다. 서버가 알려 준 주소를 쓰거나 설정에서 이름을 허용해 주세요.",
    ),
    "page.500.title": ("Something broke on our side", "서버에 문제가 생겼습니다"),
    "page.500.text": (
        "Your devices keep their records. Load the page again; if it stays, run “replenish doctor”.",
        "기기의 기록은 그대로 있습니다. 잠시 후 다시 열고, 계속되면 “replenish doctor”를 실행해 주세요.",
    ),
    # Units and times
    "unit.pages.one": ("{n} page", "{n}매"),
    "unit.pages.many": ("{n} pages", "{n}매"),
    "unit.presses.one": ("{n} press", "{n}회"),
    "unit.presses.many": ("{n} presses", "{n}회"),
    "ago.now": ("just now", "방금"),
    "ago.minutes": ("{n} min ago", "{n}분 전"),
    "ago.hours": ("{n} h ago", "{n}시간 전"),
}
_COLUMN: Final[dict[Lang, int]] = {"en": 0, "ko": 1}


def translate(lang: Lang, key: str, /, **values: object) -> str:
    """The phrase of that key in that language, its places filled.

    Raises:
        KeyError: the catalogue has no such key, or a place got no value.
    """
    return PHRASES[key][_COLUMN[lang]].format(**values)
