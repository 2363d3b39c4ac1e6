"""What an assistant can do: five tools over the acts of the API, under its person's role and rules."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from replenish_server.households.idempotency import Call, InFlight, KeyReused
from replenish_server.households.people import Act, Actor
from replenish_server.ordering.orders import NotAllowed
from replenish_server.replenishment.pausing import PauseRefused
from replenish_server.web.api_desk import ApiDesk, MayNot, NotHere
from replenish_server.web.api_models import Slot
from replenish_server.web.views import Lang

_MOST = 200


class Unclear(Exception):
    """The arguments do not say enough; the text says what to ask."""


@dataclass(frozen=True)
class _Asked:
    """One call of a tool."""

    desk: ApiDesk
    actor: Actor
    arguments: dict[str, Any]
    lang: Lang

    def text(self, name: str) -> str:
        """A text among the arguments.

        Raises:
            Unclear: it is missing, or no text.
        """
        value = self.arguments.get(name)
        if not isinstance(value, str) or not value.strip() or len(value) > 200:
            raise Unclear(f"give {name} as a text")
        return value.strip()

    def slot(self) -> Slot:
        """The slot that is meant, by id or by name.

        Raises:
            Unclear: no slot or several are called that.
        """
        wanted = self.text("slot").casefold()
        slots, _ = self.desk.slots(self.actor, _MOST, None, self.lang)
        named = [s for s in slots if wanted in (s.slot_id, s.name.casefold(), s.product_name.casefold())]
        if len(named) == 1:
            return named[0]
        names = ", ".join(f"{s.name} ({s.slot_id})" for s in named or slots)
        raise Unclear(f"{'several are' if named else 'none is'} called that; there are: {names}")


Answer = tuple[str, dict[str, Any]]


def _running_out(asked: _Asked) -> Answer:
    slots, _ = asked.desk.slots(asked.actor, _MOST, None, asked.lang)
    rows = []
    for slot in slots:
        days = {q.probability: q.days for q in slot.forecast.quantiles} if slot.forecast else {}
        rows.append(
            {
                "slot_id": slot.slot_id,
                "name": slot.name,
                "product": slot.product_name,
                "days_likely": days.get(0.5),
                "days_earliest": days.get(0.1),
                "days_latest": days.get(0.9),
                "open_order_id": slot.open_order_id,
                "why": slot.decision.sentence if slot.decision else None,
            }
        )
    rows.sort(key=lambda row: (row["days_likely"] is None, row["days_likely"] or 0.0))
    lines = [f"{row['name']}: {_days(row)}" for row in rows]
    return "\n".join(lines) or "Nothing is watched yet.", {"slots": rows}


def _days(row: dict[str, Any]) -> str:
    if row["days_likely"] is None:
        return "days left unknown"
    early, late = row["days_earliest"], row["days_latest"]
    return f"about {row['days_likely']:.1f} days left ({early:.1f} to {late:.1f})"


def _why(asked: _Asked) -> Answer:
    slot = asked.slot()
    if slot.decision is None:
        return f"{slot.name}: nothing was decided yet.", {"slot_id": slot.slot_id, "decision": None}
    checks = [f"- {v.name}: {v.text}" for v in slot.decision.verdicts]
    said = "\n".join([slot.decision.sentence, *checks])
    return said, {"slot_id": slot.slot_id, "decision": slot.decision.model_dump(mode="json")}


def _order(asked: _Asked) -> Answer:
    slot = _slot_to_order(asked)
    call = _call(asked, "order", slot)
    answer, _ = asked.desk.order_now(asked.actor, slot, call, asked.lang)
    return f"{answer['outcome']}: {answer['sentence']}", answer


def _slot_to_order(asked: _Asked) -> str:
    """Who may only ask sees no list, and names the slot by its id."""
    return asked.slot().slot_id if asked.actor.may(Act.SEE) else asked.text("slot")


def _skip(asked: _Asked) -> Answer:
    order_id = asked.text("order_id")
    answer, _ = asked.desk.skip(asked.actor, order_id, _call(asked, "skip", order_id), asked.lang)
    return f"Skipped: {answer['product_name']}.", answer


def _pause(asked: _Asked) -> Answer:
    said = asked.arguments.get("until")
    try:
        until = None if said is None else date.fromisoformat(str(said))
    except ValueError as error:
        raise Unclear("give until as a day such as 2026-08-15, or null to end the pause") from error
    slot = asked.slot() if asked.arguments.get("slot") else None
    asked.desk.pause(asked.actor, None if slot is None else slot.slot_id, until)
    what = "everything" if slot is None else slot.name
    text = f"No pause for {what}." if until is None else f"Paused {what} until {until.isoformat()}."
    return text, {"until": None if until is None else until.isoformat()}


def _call(asked: _Asked, tool: str, what: str) -> Call:
    caller = asked.actor.person_id or asked.actor.household_id
    return Call(caller, f"mcp:{asked.text('request_id')}", f"{tool}:{what}".encode())


_SLOT = {"type": "string", "description": "Name or id of the supply, from running_out."}
_REQUEST = {
    "type": "string",
    "description": "A fresh id for this wish; the same id again is the same wish, never a second one.",
}


@dataclass(frozen=True)
class _Tool:
    act: Act
    run: Callable[[_Asked], Answer]
    title: str
    description: str
    properties: dict[str, Any]
    required: tuple[str, ...]
    read_only: bool = False


_TOOLS: Final[dict[str, _Tool]] = {
    "running_out": _Tool(
        Act.SEE, _running_out, "What runs out", "Every supply with the days it lasts, soonest first.", {}, (),
        read_only=True,
    ),
    "why": _Tool(
        Act.SEE, _why, "Why", "Why a supply is ordered or not: the sentence and every rule's answer.",
        {"slot": _SLOT}, ("slot",), read_only=True,
    ),
    "order": _Tool(
        Act.ASK, _order, "Order",
        "Order one pack under the household's rules; it may wait for an adult or a price.",
        {"slot": _SLOT, "request_id": _REQUEST}, ("slot", "request_id"),
    ),
    "skip": _Tool(
        Act.CANCEL, _skip, "Skip", "Call an open order off, and order nothing by level for a week.",
        {"order_id": {"type": "string", "description": "From running_out."}, "request_id": _REQUEST},
        ("order_id", "request_id"),
    ),
    "pause": _Tool(
        Act.SETTINGS, _pause, "Pause", "Let nothing leave before a day, for one supply or (no slot) for all.",
        {
            "slot": _SLOT,
            "until": {
                "type": ["string", "null"],
                "description": "First day on which orders may leave again, YYYY-MM-DD; null ends the pause.",
            },
        },
        ("until",),
    ),
}  # fmt: skip


def tools_for(actor: Actor) -> list[dict[str, Any]]:
    """The tools that this person's token may use, as `tools/list` shows them."""
    return [
        {
            "name": name,
            "title": tool.title,
            "description": tool.description,
            "inputSchema": {
                "type": "object",
                "properties": tool.properties,
                "required": list(tool.required),
                "additionalProperties": False,
            },
            "annotations": {
                "readOnlyHint": tool.read_only,
                "destructiveHint": not tool.read_only,
                "idempotentHint": True,
                "openWorldHint": not tool.read_only,
            },
        }
        for name, tool in _TOOLS.items()
        if actor.may(tool.act)
    ]


def call_tool(
    desk: ApiDesk, actor: Actor, name: str, arguments: dict[str, Any], lang: Lang
) -> dict[str, Any] | None:
    """Run a tool. What is refused is an answer that says so, for the assistant to tell. None: no such one."""
    tool = _TOOLS.get(name)
    if tool is None:
        return None
    try:
        _check(name, tool, arguments)
        text, facts = tool.run(_Asked(desk, actor, arguments, lang))
    except MayNot as error:
        return _refused(f"This person may not {error}; ask an adult or the owner.")
    except (NotHere, KeyReused, InFlight) as error:
        return _refused(_SAID[type(error)])
    except (Unclear, NotAllowed, PauseRefused) as error:
        return _refused(str(error))
    return {"content": [{"type": "text", "text": text}], "structuredContent": facts, "isError": False}


_SAID: Final[dict[type[Exception], str]] = {
    NotHere: "There is no such thing in this household.",
    KeyReused: "This request_id was used for another wish; send a new one.",
    InFlight: "The first call with this request_id still runs; ask again in a moment.",
}


def _check(name: str, tool: _Tool, arguments: dict[str, Any]) -> None:
    unknown = arguments.keys() - tool.properties.keys()
    missing = set(tool.required) - arguments.keys()
    if unknown or missing:
        raise Unclear(f"arguments of {name}: {', '.join(tool.properties) or 'none'}")


def _refused(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": True}
