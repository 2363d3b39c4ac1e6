"""The part of the catalogue that speaks of devices. English and Korean side by side."""

from typing import Final

DEVICES_PHRASES: Final[dict[str, tuple[str, str]]] = {
    "gear.title": ("Devices", "기기"),
    "gear.none": (
        "There is no device yet. Type the code of your first one.",
        "아직 기기가 없습니다. 첫 기기의 코드를 입력해 주세요.",
    ),
    "gear.no_shop": (
        "No shop is known yet. Who runs this server adds one first: replenish retailer add.",
        "아직 판매처가 없습니다. 서버 운영자가 먼저 추가해야 합니다: replenish retailer add.",
    ),
    "gear.heard": ("in touch", "연결됨"),
    "gear.silent": ("silent", "응답 없음"),
    "gear.never": ("not heard yet", "아직 연결 전"),
    "gear.revoked": ("blocked", "차단됨"),
    "gear.erasing": ("being erased", "삭제 중"),
    "gear.seen": ("heard {when}", "마지막 신호: {when}"),
    "gear.expected": ("next expected by {when}", "다음 신호 예정: {when}까지"),
    "gear.firmware": ("firmware {version}", "펌웨어 {version}"),
    "gear.silent_text": (
        "It was not heard as promised. Nothing is ordered from old readings. Check battery and Wi-Fi.",
        "약속한 때에 신호가 없습니다. 오래된 값으로는 주문하지 않습니다. 배터리와 와이파이를 확인해 주세요.",
    ),
    "gear.leak": (
        "Water has been running for a day without a pause, noticed {when}. Look for a leak.",
        "하루 동안 물이 멈추지 않고 흘렀습니다({when}). 누수를 확인해 주세요.",
    ),
    "gear.burst": (
        "More water is running than your taps let through, noticed {when}. Shut the main valve and look.",
        "수도꼭지로 낼 수 있는 양보다 많은 물이 흐릅니다({when}). 수도 밸브를 잠그고 확인해 주세요.",
    ),
    "gear.trouble.doubled": (
        "Two devices use its name (noticed {when}): its credential was copied. Block it and add yours anew.",
        "두 기기가 이 이름을 씁니다({when}). 인증 수단이 복제되었으니 차단하고 다시 등록해 주세요.",
    ),
    "gear.trouble.safe": (
        "It failed to start five times and measures nothing since {when}: it only waits for new firmware.",
        "다섯 번 연속 시작하지 못해 {when}부터 측정하지 않고 새 펌웨어만 기다립니다.",
    ),
    "gear.trouble.sparing": (
        "Its battery is nearly empty (noticed {when}), so it reports seldom. Change or charge it.",
        "배터리가 거의 없어({when}) 보고를 줄였습니다. 교체하거나 충전해 주세요.",
    ),
    "gear.trouble.flash": (
        "Its memory was damaged and made anew ({when}). What it had not sent is lost: see what remains.",
        "저장 공간이 손상되어 초기화했습니다({when}). 보내지 못한 기록은 없어졌으니 잔량을 확인해 주세요.",
    ),
    "gear.trouble.turned_away": (
        "This server refused it for a while (code {n}); it got in again {when}.",
        "서버가 한동안 연결을 거절했습니다(코드 {n}). {when}에 다시 연결되었습니다.",
    ),
    "gear.trouble.dropping": (
        "It has lost {n} records (noticed {when}): it could not send for too long. Check its Wi-Fi.",
        "오래 보내지 못해 기록 {n}개를 잃었습니다({when}). 와이파이를 확인해 주세요.",
    ),
    "gear.ask.identify": ("Blink", "깜빡이기"),
    "gear.ask.report": ("Report now", "지금 보고"),
    "gear.ask.restart": ("Restart", "다시 시작"),
    "gear.asked.waiting": (
        "asked {when}; it has a minute to hear it. Reload to see the answer.",
        "{when} 요청했습니다. 1분 안에 받아야 합니다. 새로 고치면 결과가 보입니다.",
    ),
    "gear.asked.done": ("done, it says ({when}).", "완료했다고 합니다({when})."),
    "gear.asked.late": (
        "it heard it too late ({when}) and did nothing. Ask again.",
        "너무 늦게 받아({when}) 하지 않았습니다. 다시 요청해 주세요.",
    ),
    "gear.asked.unknown": (
        "its firmware does not know this ({when}). Update it.",
        "이 기기의 펌웨어는 이 요청을 모릅니다({when}). 업데이트해 주세요.",
    ),
    "gear.asked.unanswered": (
        "no answer to what was asked {when}: it is not connected. Check its power and Wi-Fi.",
        "{when} 보낸 요청에 답이 없습니다. 연결되어 있지 않으니 전원과 와이파이를 확인해 주세요.",
    ),
    "gear.more": ("Block or give away", "차단하거나 넘겨주기"),
    "gear.revoke_text": (
        "Lost or stolen? Block it: it is cut off at once and for ever. What it measured stays.",
        "분실이나 도난인가요? 차단하면 즉시 영구적으로 연결이 끊깁니다. 측정값은 남습니다.",
    ),
    "gear.revoke": ("Block", "차단"),
    "gear.part_text": (
        "Giving it away? It is cut off, what it measured is erased, orders stay. It then needs a new code.",
        "다른 사람에게 주나요? 연결을 끊고 측정값을 지웁니다. 주문은 남고, 새 코드가 필요합니다.",
    ),
    "gear.part": ("Give away and erase", "넘겨주고 모두 지우기"),
    "gear.claim_title": ("Add a device", "기기 추가"),
    "gear.code": ("Code on the device", "기기에 적힌 코드"),
    "gear.code_hint": ("Four groups of four letters and digits.", "글자와 숫자 네 자리씩 네 묶음입니다."),
    "gear.name": ("What you call it", "기기 이름"),
    "gear.slot": ("What it watches", "살펴볼 물건"),
    "gear.shop": ("Shop", "판매처"),
    "gear.item": ("The shop's number of the pack", "판매처 상품 번호"),
    "gear.product": ("Product", "상품"),
    "gear.pack": ("In a pack", "한 팩의 양"),
    "gear.capacity": ("When full", "가득 찼을 때"),
    "gear.threshold": ("Order at", "주문 기준"),
    "gear.amount_hint": (
        "Grams, millilitres or pages; leave all three empty for a button.",
        "그램, 밀리리터 또는 쪽 단위입니다. 버튼은 세 칸 모두 비워 두세요.",
    ),
    "gear.add": ("Add this device", "기기 추가하기"),
    "gear.trial": (
        "It starts on trial: it says what it would order, and buys nothing.",
        "시험 모드로 시작합니다. 무엇을 주문할지 알려 줄 뿐 구매하지 않습니다.",
    ),
    "notice.claimed": (
        "The device is yours. It comes in touch within a minute of being switched on.",
        "기기가 등록되었습니다. 전원을 켜면 1분 안에 연결됩니다.",
    ),
    "notice.device_asked": ("The device is asked.", "기기에 요청했습니다."),
    "refused.device_busy": (
        "It has not answered the last request yet. Wait a minute.",
        "앞선 요청에 아직 답하지 않았습니다. 1분 기다려 주세요.",
    ),
    "refused.device_deaf": (
        "This device cannot be asked: it sleeps most of the time, or it is blocked.",
        "이 기기에는 요청할 수 없습니다. 대부분 잠들어 있거나 차단되어 있습니다.",
    ),
    "notice.device_revoked": ("The device is blocked.", "기기를 차단했습니다."),
    "notice.device_gone": (
        "The device is gone; its data is being erased.",
        "기기를 내보냈습니다. 데이터를 지우는 중입니다.",
    ),
    "refused.code": ("This code does not work.", "사용할 수 없는 코드입니다."),
    "refused.code_slow": ("Too many tries. Wait a minute.", "시도가 너무 많습니다. 1분 뒤에 다시 해 주세요."),
    "refused.device_form": (
        "Fill in names, shop, its number of the pack, and whole numbers; the order level lies below full.",
        "이름, 판매처, 상품 번호와 정수 값을 입력해 주세요. 주문 기준은 가득 찬 양보다 적어야 합니다.",
    ),
}
