"""What the pages say of limits that a household signs for shops, in English and Korean side by side."""

from typing import Final

CONSENTS_PHRASES: Final[dict[str, tuple[str, str]]] = {
    "consents.title": ("Shops and signed limits", "판매처와 서명한 한도"),
    "consents.intro": (
        "Orders leave without a person only inside limits signed once, or with a shop's written word.",
        "사람 없이 나가는 주문은 한 번 서명한 한도 안이거나 판매처의 서면 허락이 있을 때뿐입니다.",
    ),
    "consents.none": (
        "No shop takes orders from here yet.",
        "아직 주문할 수 있는 판매처가 없습니다.",
    ),
    "consents.offers.yes": ("Takes signed limits", "서명한 한도를 받음"),
    "consents.offers.no": ("Takes no signed limits", "서명한 한도를 받지 않음"),
    "consents.offers.unknown": ("Does not answer now", "지금 응답하지 않음"),
    "consents.agreement": ("Permission in writing", "서면 허락 있음"),
    "consents.signed": ("Signed by {name} on {when}", "{name} 서명, {when}"),
    "consents.signed_plain": ("Signed on {when}", "서명: {when}"),
    "consents.says": (
        "May be ordered until {until}: {items}. At most {most} an order, {budget} and {n} orders in all.",
        "{until}까지 주문 가능: {items}. 한 번에 최대 {most}, 모두 합해 {budget}, 최대 {n}회.",
    ),
    "consents.used": ("Used: {spent} in {n} orders", "사용: {n}회, {spent}"),
    "consents.revoke": ("Revoke", "철회"),
    "consents.revoke_name": ("Revoke: {name}", "철회: {name}"),
    "consents.new": ("Sign limits", "한도에 서명"),
    "consents.again": ("Sign other limits", "다른 한도에 서명"),
    "consents.most": ("Most for one order", "주문 한 번의 최대 금액"),
    "consents.budget": ("Most for all orders", "전체 주문의 최대 금액"),
    "consents.orders": ("How many orders", "주문 횟수"),
    "consents.days": ("Valid for days", "유효 기간(일)"),
    "consents.agree": (
        "I agree that orders for {items} leave inside these limits without anybody being asked.",
        "{items} 주문이 이 한도 안에서 확인 없이 나가는 것에 동의합니다.",
    ),
    "consents.sign": ("Sign", "서명"),
    "pay.title": ("Ways to pay", "결제 수단"),
    "pay.intro": (
        "Tried from the top. If the first is declined, the second is tried once; after that you are asked.",
        "위에서부터 사용합니다. 첫 번째가 거절되면 두 번째를 한 번 사용하고, 그다음에는 확인을 요청합니다.",
    ),
    "pay.first": ("Use first", "먼저 사용"),
    "pay.first_name": ("Use first: {name}", "먼저 사용: {name}"),
    "pay.remove": ("Remove", "삭제"),
    "pay.remove_name": ("Remove: {name}", "삭제: {name}"),
    "pay.new": ("Add a way to pay", "결제 수단 추가"),
    "pay.name": ("Your name for it", "표시할 이름"),
    "pay.handler": ("Payment handler of the shop", "판매처의 결제 처리자"),
    "pay.token": ("Token that the handler issued", "처리자가 발급한 토큰"),
    "pay.add": ("Add", "추가"),
    "notice.ways_to_pay_changed": ("The ways to pay are changed.", "결제 수단을 변경했습니다."),
    "refused.instrument_name": (
        "Give it a name of 1 to 60 characters. Nothing was changed.",
        "1~60자의 이름을 입력해 주세요. 변경하지 않았습니다.",
    ),
    "refused.instrument_token": (
        "Name the payment handler, and the token that it issued. Nothing was changed.",
        "결제 처리자와 발급된 토큰을 입력해 주세요. 변경하지 않았습니다.",
    ),
    "refused.instrument_twice": (
        "There is one of this name already. Choose another name.",
        "같은 이름이 이미 있습니다. 다른 이름을 입력해 주세요.",
    ),
    "refused.instrument_most": (
        "Five ways to pay are kept at most. Remove one first.",
        "결제 수단은 최대 5개입니다. 먼저 하나를 삭제해 주세요.",
    ),
    "refused.instrument_last": (
        "The shop needs one way to pay. Add another before you remove this one.",
        "결제 수단이 하나는 필요합니다. 다른 것을 추가한 뒤 삭제해 주세요.",
    ),
    "refused.instrument_signed": (
        "Signed limits name the first way to pay. Revoke them first, then sign again.",
        "서명한 한도에 첫 번째 결제 수단이 적혀 있습니다. 먼저 철회한 뒤 다시 서명해 주세요.",
    ),
    "refused.instrument_gone": (
        "There is no such way to pay any more.",
        "해당 결제 수단이 더 이상 없습니다.",
    ),
    "notice.consent_signed": ("The limits are signed.", "한도에 서명했습니다."),
    "notice.consent_revoked": (
        "Revoked. Nothing more is ordered under it.",
        "철회했습니다. 더 이상 주문하지 않습니다.",
    ),
    "refused.consent_gone": (
        "There is no such shop or signature any more.",
        "해당 판매처나 서명이 더 이상 없습니다.",
    ),
    "refused.consent_limits": (
        "Type amounts above zero, one order within all together, and 1 to 1000 orders.",
        "0보다 큰 금액을 입력하고, 한 번의 금액은 전체 금액 이하로, 횟수는 1~1000회로 입력해 주세요.",
    ),
    "refused.consent_days": ("Type 1 to 366 days.", "1~366일을 입력해 주세요."),
    "refused.consent_nothing": (
        "No supply of this home is bought at this shop.",
        "이 판매처에서 사는 물품이 없습니다.",
    ),
    "refused.consent_unread": (
        "Tick that you agree; nothing was signed.",
        "동의에 표시해 주세요. 서명하지 않았습니다.",
    ),
}
