"""The page of a board that waits to be told its Wi-Fi: English and Korean, no script, made for a phone."""

_HEAD = """<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">
<title>Replenish</title><style>body{font:1.1rem sans-serif;word-break:keep-all;
max-width:26rem;margin:1rem auto;padding:0 1rem}
label{display:block;margin:1rem 0}input,button{font:inherit;width:100%;padding:.6rem;box-sizing:border-box}
p.no{border:2px solid #b00;padding:.6rem}small{color:#444}</style>"""

_NOTES = {
    "ssid": ("The Wi-Fi name has 1 to 32 letters.", "와이파이 이름은 1~32자입니다."),
    "key": ("The Wi-Fi password has 8 to 63 letters.", "와이파이 비밀번호는 8~63자입니다."),
    "code": (
        "The code has 16 letters and digits, as on the label.",
        "코드는 라벨에 있는 문자와 숫자 16자입니다.",
    ),
    "form": ("Please fill in the form again.", "양식을 다시 입력해 주세요."),
}

_OPTIONAL = (
    "<br><small>Leave it empty to change only the Wi-Fi. "
    "<span lang=ko>와이파이만 바꾸려면 비워 두세요.</span></small>"
)
_TAKEN = (
    "Saved. This Wi-Fi ends now. Add the device in your household's page with the same code, and watch its "
    "light: one long for done, two medium while nobody has added it, five short if the code does not work, "
    "medium and short without a network."
)
_TAKEN_KO = (
    "저장했습니다. 이 와이파이는 이제 꺼집니다. 가정의 페이지에서 같은 코드로 기기를 추가하고 불빛을 보세요. "
    "길게 한 번은 완료, 중간 두 번은 아직 추가되지 않음, 짧게 다섯 번은 코드가 맞지 않음, 중간과 짧게는 "
    "네트워크 없음입니다."
)


def form(token: str, networks: list[str], ssid: str, code: str, problem: str, code_needed: bool) -> str:
    """The form.

    Args:
        token: comes back with the form, so that no other page can post it.
        networks: names of networks in reach, strongest first.
        ssid: what was typed before.
        code: what was typed before.
        problem: key of `_NOTES`, or "".
        code_needed: whether the board has no credential yet.
    """
    note = ""
    if problem:
        note = "<p class=no role=alert lang=en>{}<br><span lang=ko>{}</span></p>".format(*_NOTES[problem])
    options = "".join([f'<option value="{escape(name)}">' for name in networks])
    optional = "" if code_needed else _OPTIONAL
    return (
        _HEAD
        + "<h1>Replenish</h1>"
        + note
        + "<form method=post action=/setup>"
        + f"<input type=hidden name=token value={token}>"
        + "<label>Wi-Fi name <span lang=ko>와이파이 이름</span>"
        + "<input name=ssid list=near required maxlength=32 autocapitalize=none "
        + f'value="{escape(ssid)}"></label>'
        + f"<datalist id=near>{options}</datalist>"
        + "<label>Wi-Fi password <span lang=ko>와이파이 비밀번호</span>"
        + "<input name=key type=password maxlength=63 autocomplete=off></label>"
        + "<label>Claim code <span lang=ko>등록 코드</span>"
        + f'<input name=code maxlength=40 autocapitalize=characters autocomplete=off value="{escape(code)}">'
        + optional
        + "</label><button>Save <span lang=ko>저장</span></button></form>"
    )


def taken() -> str:
    """What is said once the entries are stored; the access point ends with it."""
    return _HEAD + "<h1>Replenish</h1><p>" + _TAKEN + "</p><p lang=ko>" + _TAKEN_KO + "</p>"


def escape(text: str) -> str:
    """Text inside an attribute or an element."""
    for plain, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(plain, safe)
    return text
