"""The part of the catalogue that speaks of a slot's product and delivery. English and Korean side by side."""

from typing import Final

PRODUCTS_PHRASES: Final[dict[str, tuple[str, str]]] = {
    "products.title": ("Product and delivery", "상품과 배송"),
    "products.now": ("Ordered now", "현재 주문 상품"),
    "products.pack": ("{amount} in a pack", "한 개에 {amount}"),
    "products.search": ("Search the shop", "판매처에서 검색"),
    "products.words": ("Words", "검색어"),
    "products.find": ("Search", "검색"),
    "products.found": ("Found at {shop}", "{shop} 검색 결과"),
    "products.per": ("{price} per {amount}", "{amount}당 {price}"),
    "products.unknown": (
        "The shop does not say how much is in a pack.",
        "판매처가 내용량을 알려 주지 않습니다.",
    ),
    "products.content": ("Content of a pack", "한 개의 내용량"),
    "products.choose": ("Order this", "이 상품으로 주문"),
    "products.choose_name": ("Order this: {name}", "이 상품으로 주문: {name}"),
    "products.chosen": ("Ordered now", "현재 주문 중"),
    "products.sold_out": ("Sold out", "품절"),
    "products.from_next": (
        "A change counts from the next order on.",
        "변경 사항은 다음 주문부터 적용됩니다.",
    ),
    "products.no_shelf": (
        "This shop cannot be searched from here. Change the product with “replenish device add”.",
        "이 판매처는 여기에서 검색할 수 없습니다. “replenish device add” 명령으로 상품을 바꾸어 주세요.",
    ),
    "products.trouble.nothing": (
        "Nothing was found. Try fewer words.",
        "검색 결과가 없습니다. 검색어를 줄여 보세요.",
    ),
    "products.trouble.not_offered": (
        "This shop cannot be searched.",
        "이 판매처는 검색을 지원하지 않습니다.",
    ),
    "products.trouble.no_places": (
        "This shop has no place where these goods can be fetched.",
        "이 판매처에는 이 상품을 수령할 수 있는 매장이 없습니다.",
    ),
    "products.trouble.later": (
        "The shop does not answer now. Try again in a minute.",
        "판매처가 응답하지 않습니다. 잠시 후 다시 시도해 주세요.",
    ),
    "products.way": ("How it comes", "받는 방법"),
    "products.ship": ("Sent to the home", "집으로 배송"),
    "products.pickup": ("Fetched at the shop", "매장에서 수령"),
    "products.place": ("Where", "수령 장소"),
    "products.no_place": ("No place chosen yet", "아직 선택한 매장이 없습니다"),
    "products.show_places": ("Show the shop's places", "매장 목록 보기"),
    "products.fallback": (
        "Take the other way when the shop cannot do this one",
        "이 방법이 불가능하면 다른 방법으로 받기",
    ),
    "products.save_way": ("Save", "저장"),
    "notice.product_saved": ("The product is saved.", "상품을 저장했습니다."),
    "notice.way_saved": ("The way of delivery is saved.", "받는 방법을 저장했습니다."),
    "refused.shop_unreachable": (
        "The shop does not answer now, so nothing was changed. Try again in a minute.",
        "판매처가 응답하지 않아 변경하지 않았습니다. 잠시 후 다시 시도해 주세요.",
    ),
    "refused.product_gone": (
        "The shop no longer sells this. Search again.",
        "판매처에서 더 이상 판매하지 않는 상품입니다. 다시 검색해 주세요.",
    ),
    "refused.product_currency": (
        "This is sold in another currency than this supply's limit. Choose another product.",
        "이 물품의 한도와 다른 통화로 판매되는 상품입니다. 다른 상품을 골라 주세요.",
    ),
    "refused.product_content": (
        "Say how much is in a pack, as a whole number above zero.",
        "한 개의 내용량을 0보다 큰 정수로 입력해 주세요.",
    ),
    "refused.no_shelf": (
        "This shop cannot be searched from here.",
        "이 판매처는 여기에서 검색할 수 없습니다.",
    ),
    "refused.place_gone": (
        "The shop does not offer this place. Choose another one.",
        "판매처가 제공하지 않는 매장입니다. 다른 매장을 골라 주세요.",
    ),
    "refused.place_missing": (
        "Choose a place where the goods are to be fetched.",
        "상품을 수령할 매장을 골라 주세요.",
    ),
}
