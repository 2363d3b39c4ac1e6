"""PURE: who lives in a household, and what each role may do. Source: docs/adr on sign-in and roles."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What somebody is in a household."""

    OWNER = "owner"
    ADULT = "adult"
    CHILD = "child"
    GUEST = "guest"
    HELPER = "helper"


class Act(StrEnum):
    """What somebody may want to do; also the scopes of a token."""

    SEE = "see"
    ASK = "ask"
    SPEND = "spend"
    APPROVE = "approve"
    CANCEL = "cancel"
    STOCK = "stock"
    SETTINGS = "settings"
    PEOPLE = "people"


_ACTS: dict[Role, frozenset[Act]] = {
    Role.OWNER: frozenset(Act),
    Role.ADULT: frozenset(Act) - {Act.PEOPLE},
    Role.CHILD: frozenset({Act.SEE, Act.ASK}),
    Role.GUEST: frozenset({Act.ASK}),
    Role.HELPER: frozenset({Act.SEE, Act.STOCK}),
}


def may(role: Role, act: Act) -> bool:
    """Whether somebody of this role may do this."""
    return act in _ACTS[role]


def acts_of(role: Role) -> frozenset[Act]:
    """Everything that somebody of this role may do."""
    return _ACTS[role]


@dataclass(frozen=True)
class Actor:
    """Somebody who acts, as every act keeps it.

    Args:
        household_id: where.
        person_id: who, or None for an only owner who never had to say so.
        name: as people call them; "" when nobody said.
        role: in that household.
        scopes: what a token was made for; None for a person, who may do all that the role may.
    """

    household_id: str
    person_id: str | None
    name: str
    role: Role
    scopes: frozenset[Act] | None = None

    def may(self, act: Act) -> bool:
        """Whether the role and, for a token, its scopes allow it."""
        return may(self.role, act) and (self.scopes is None or act in self.scopes)


def needs_sign_in(people_ever: int, pins: int) -> bool:
    """Whether a household must know who acts.

    An only owner without a PIN is whoever opens the page, as before there were roles. Where somebody was
    removed it stays closed, or their browser would be let in again as the owner.

    Args:
        people_ever: how many people there are, and were.
        pins: how many of those who are there have one.
    """
    return people_ever > 1 or pins > 0
