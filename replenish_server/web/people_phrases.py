"""The part of the catalogue that speaks of people. English and Korean side by side, as in `phrases`."""

from typing import Final

PEOPLE_PHRASES: Final[dict[str, tuple[str, str]]] = {
    # Signing in
    "sign_in.title": ("Sign in", "로그인"),
    "sign_in.why": (
        "Several people live here, or a PIN is set, so these pages ask who you are.",
        "여러 사람이 함께 쓰거나 PIN이 설정되어 있어 누구인지 확인합니다.",
    ),
    "sign_in.who": ("Who are you?", "누구신가요?"),
    "sign_in.pin": ("PIN", "PIN 번호"),
    "sign_in.do": ("Sign in", "로그인"),
    "sign_in.out": ("Sign out", "로그아웃"),
    "sign_in.by_link": (
        "Without a PIN: the owner shows you a link under “People”, or runs “replenish person link”.",
        "PIN이 없으면 소유자가 “사람” 페이지나 “replenish person link” 명령으로 로그인 링크를 드립니다.",
    ),
    "sign_in.wrong": (
        "This PIN is not right. Nothing was changed.",
        "PIN이 맞지 않습니다. 바뀐 것은 없습니다.",
    ),
    "sign_in.locked": (
        "Too many wrong PINs. Try again in {n} min, or sign in with a link from the owner.",
        "PIN을 여러 번 틀렸습니다. {n}분 뒤에 다시 시도하거나 소유자의 링크로 로그인해 주세요.",
    ),
    "sign_in.as": (
        "This link signs this browser in as {name}. It works once.",
        "이 링크로 이 브라우저에 로그인합니다: {name}. 한 번만 쓸 수 있습니다.",
    ),
    "sign_in.here": ("Sign in as {name}", "로그인: {name}"),
    "sign_in.gone": (
        "This link was used already, or is too old. Ask the owner for a new one.",
        "이미 사용했거나 오래된 링크입니다. 소유자에게 새 링크를 요청해 주세요.",
    ),
    # People
    "people.title": ("People", "사람"),
    "people.who": ("Who lives here", "함께 쓰는 사람"),
    "people.you": ("(you)", "(나)"),
    "people.open": (
        "Nobody has to sign in: whoever opens this page is the owner. A second person or a PIN changes that.",
        "로그인이 필요 없습니다. 페이지를 여는 사람이 소유자입니다. 다른 사람이나 PIN을 추가하면 바뀝니다.",
    ),
    "people.manage": ("PIN, link, remove", "PIN, 링크, 삭제"),
    "people.pin_new": ("New PIN", "새 PIN"),
    "people.pin_change": ("Another PIN, or empty for none", "다른 PIN(비우면 삭제)"),
    "people.pin_save": ("Save PIN", "PIN 저장"),
    "people.pin_hint": ("4 to 12 digits, for shared tablets.", "숫자 4~12자리, 함께 쓰는 태블릿용입니다."),
    "people.link_make": ("Show a sign-in link", "로그인 링크 보기"),
    "people.link_for": ("Sign-in link for {name}", "로그인 링크: {name}"),
    "people.link_how": (
        "Scan this with the phone that shall be signed in, or open the link there.",
        "로그인할 휴대폰으로 스캔하거나 그 기기에서 링크를 열어 주세요.",
    ),
    "people.link_code": ("The link as a code to scan", "스캔용 코드"),
    "people.link_once": (
        "It works once and for 30 minutes; an earlier link works no more.",
        "한 번만, 30분 동안 쓸 수 있으며 이전 링크는 더 이상 쓸 수 없습니다.",
    ),
    "people.remove": ("Remove", "삭제"),
    "people.add_title": ("Add somebody", "사람 추가"),
    "people.name": ("Name", "이름"),
    "people.role": ("Role", "역할"),
    "people.add": ("Add", "추가"),
    "role.owner": ("Owner", "소유자"),
    "role.owner_may": ("May do everything.", "모든 것을 할 수 있습니다."),
    "role.adult": ("Adult", "성인"),
    "role.adult_may": ("May order, approve and change rules.", "주문, 승인, 규칙 변경을 할 수 있습니다."),
    "role.child": ("Child", "어린이"),
    "role.child_may": (
        "May look, and ask an adult for an order.",
        "볼 수 있고, 성인에게 주문을 요청할 수 있습니다.",
    ),
    "role.guest": ("Guest", "손님"),
    "role.guest_may": ("May only ask an adult for an order.", "성인에게 주문 요청만 할 수 있습니다."),
    "role.helper": ("Helper", "도우미"),
    "role.helper_may": (
        "May look, correct the stock and note a delivery; may not order.",
        "보고, 재고를 고치고, 배송을 표시할 수 있지만 주문은 할 수 없습니다.",
    ),
    "sessions.title": ("Signed-in browsers", "로그인된 브라우저"),
    "sessions.here": ("this one", "이 브라우저"),
    "sessions.since": ("since {when}", "{when}부터"),
    "sessions.seen": ("last used {when}", "마지막 사용: {when}"),
    "sessions.end": ("Sign out there", "그 기기에서 로그아웃"),
    "devices.title": ("Whose device is it?", "누구의 기기인가요?"),
    "devices.text": (
        "A press on the device of somebody who may not spend asks an adult first.",
        "지출 권한이 없는 사람의 기기를 누르면 먼저 성인에게 묻습니다.",
    ),
    "devices.everybody": ("Everybody’s", "모두의 것"),
    "devices.give": ("Save", "저장"),
    "guest.text": (
        "You may ask for what is running out; an adult decides.",
        "떨어져 가는 물품을 요청할 수 있으며, 성인이 결정합니다.",
    ),
    "guest.none": ("There is nothing to ask for yet.", "아직 요청할 물품이 없습니다."),
    "notice.person_added": (
        "Added. Show them a sign-in link, or set a PIN.",
        "추가했습니다. 로그인 링크를 보여 주거나 PIN을 정해 주세요.",
    ),
    "notice.person_removed": (
        "Removed, and signed out everywhere.",
        "삭제했으며 모든 기기에서 로그아웃했습니다.",
    ),
    "notice.pin_set": ("The PIN is saved.", "PIN을 저장했습니다."),
    "notice.pin_removed": ("There is no PIN any more.", "PIN을 삭제했습니다."),
    "notice.session_ended": ("That browser is signed out.", "그 브라우저에서 로그아웃했습니다."),
    "notice.device_given": ("Saved whose device it is.", "기기의 주인을 저장했습니다."),
    "refused.role": ("Choose a role.", "역할을 선택해 주세요."),
    "refused.name": ("Give a name of 1 to 60 letters.", "1~60자의 이름을 입력해 주세요."),
    "refused.name_taken": (
        "Somebody of that name is here already; choose another.",
        "같은 이름이 이미 있습니다. 다른 이름을 입력해 주세요.",
    ),
    "refused.last_owner": (
        "A household needs an owner; add another one first.",
        "소유자가 한 명은 있어야 합니다. 먼저 다른 소유자를 추가해 주세요.",
    ),
    "refused.pin": ("A PIN has 4 to 12 digits.", "PIN은 숫자 4~12자리입니다."),
    "refused.not_yours": (
        "Only the owner may do that for others.",
        "다른 사람의 것은 소유자만 바꿀 수 있습니다.",
    ),
    "refused.person_gone": ("This person is no longer here.", "이 사람은 더 이상 없습니다."),
    "refused.session_gone": ("That browser is signed out already.", "그 브라우저는 이미 로그아웃되었습니다."),
    "refused.device_gone": ("This device is no longer here.", "이 기기는 더 이상 없습니다."),
    "page.401.title": ("Please sign in", "로그인해 주세요"),
    "page.401.text": (
        "Nothing was changed: this needs to know who you are. Sign in, then send the form again.",
        "누구인지 확인이 필요해 아무것도 바꾸지 않았습니다. 로그인한 뒤 다시 보내 주세요.",
    ),
    "page.401.kept": (
        "What you typed is kept on this page. Sign in on another page, come back to this one, and send it.",
        "입력하신 내용은 이 페이지에 남아 있습니다. 다른 창에서 로그인한 뒤 여기로 돌아와 보내 주세요.",
    ),
    "page.401.sign_in": ("Sign in on another page", "다른 창에서 로그인"),
    "page.401.again": ("Send what I typed", "입력한 내용 보내기"),
    "page.role.title": ("Your role does not allow this", "권한이 없습니다"),
    "page.role.text": (
        "Nothing was changed. Ask an adult of the household, or the owner to give you another role.",
        "아무것도 바꾸지 않았습니다. 가족 중 성인에게 부탁하거나 소유자에게 역할 변경을 요청해 주세요.",
    ),
    "order.adult_decides": ("An adult decides about this order.", "이 주문은 성인이 결정합니다."),
    "form.adult_only": ("Only an adult changes the rules.", "규칙은 성인만 바꿀 수 있습니다."),
    "order.trigger_person": ("a wish of somebody here", "직접 요청"),
    "wish.title": ("Order now", "지금 주문"),
    "wish.up_to": (
        "Orders one pack at once, without asking again, for at most {amount} in all.",
        "다시 묻지 않고 한 팩을 바로 주문합니다. 총액 최대 {amount}.",
    ),
    "wish.quote_first": (
        "Asks the shop for its price; nothing is bought until an adult approves it.",
        "판매처에 가격을 물어봅니다. 성인이 승인하기 전에는 구매하지 않습니다.",
    ),
    "wish.quote": ("Ask for the price of one pack", "한 팩 가격 물어보기"),
    "wish.ask": ("Ask an adult for one pack", "성인에게 한 팩 요청하기"),
    "wish.ask_hint": (
        "Nothing is bought until an adult approves it.",
        "성인이 승인하기 전에는 구매하지 않습니다.",
    ),
    "notice.wish_placing": ("One pack is ordered.", "한 팩을 주문합니다."),
    "notice.wish_waiting": (
        "Noted. It waits for an adult’s approval.",
        "요청했습니다. 성인의 승인을 기다립니다.",
    ),
    "notice.wish_already": (
        "An order for this is already under way, so no second one was made.",
        "이미 진행 중인 주문이 있어 새로 주문하지 않았습니다.",
    ),
    "notice.wish_refused": (
        "Your rules hold this back for now; the reason stands under “Why”.",
        "지금은 규칙에 따라 주문하지 않습니다. 이유는 “판단 이유”에 있습니다.",
    ),
    # Notices
    "notices.title": ("Notices", "알림"),
    "notices.unseen": ("{n} new", "새 알림 {n}개"),
    "notices.all": ("All notices", "모든 알림"),
    "notices.none": ("Nothing to tell.", "알림이 없습니다."),
    "notices.mark_seen": ("Mark all as seen", "모두 확인함으로 표시"),
    "notices.seen_by": ("seen by {name}", "확인: {name}"),
    "notices.past": ("no longer so", "지난 알림"),
}
