"""`replenish person` and `replenish token`: who lives here, how they sign in, which programs act for them."""

from typing import Annotated

import typer
from rich.table import Table
from sqlmodel import Session, col, select

from replenish_server.cli.parts import (
    AsJson,
    console,
    fail,
    open_database,
    print_json,
    say,
    sign_in_url,
    the_household,
)
from replenish_server.fleet.registry import DeviceRefused, give_device
from replenish_server.households.membership import (
    PersonRefused,
    add_person,
    create_token,
    ensure_owner,
    find_person,
    must_sign_in,
    people_of,
    remove_person,
    set_pin,
)
from replenish_server.households.people import Act, Role, acts_of
from replenish_server.households.people_tables import ApiToken, Person
from replenish_server.households.sign_in import LINK_LASTS, create_link, sessions_of
from replenish_server.settings import Settings

person_app = typer.Typer(no_args_is_help=True, help="Who lives here, and what they may do.")
token_app = typer.Typer(no_args_is_help=True, help="Programs that act for a person.")

_Who = Annotated[str, typer.Argument(help="Name or id, see `replenish person list`.")]


@person_app.command("add")
def person_add(
    name: Annotated[str, typer.Argument(help="What people call them.")],
    role: Annotated[Role, typer.Option(help="What they may do; see docs/glossary.md.")] = Role.ADULT,
    as_json: AsJson = False,
) -> None:
    """Add somebody, and print a link that signs them in once."""
    settings = Settings()
    database, now = open_database(settings), settings.make_clock().now()
    household_id = the_household(database)
    try:
        with database.write() as session:
            person = add_person(session, household_id, name, role, now)
            links = {person.name: sign_in_url(settings, create_link(session, person, now))}
            owner = ensure_owner(session, household_id)
            if owner.id != person.id and owner.pin_hash is None and not sessions_of(session, [owner.id], now):
                # From now on the page asks who acts: the owner must not be locked out.
                links[owner.name] = sign_in_url(settings, create_link(session, owner, now))
    except PersonRefused as error:
        raise fail(str(error)) from error
    if as_json:
        print_json({"person_id": person.id, "name": person.name, "role": person.role, "links": links})
        return
    say(f"Added {person.name} ({person.role}) as {person.id}.")
    for who, link in links.items():
        _say_link(who, link)


@person_app.command("list")
def person_list(as_json: AsJson = False) -> None:
    """List people, their roles, and how they may sign in."""
    settings = Settings()
    database, now = open_database(settings), settings.make_clock().now()
    household_id = the_household(database)
    with database.read() as session:
        rows = [
            {
                "person_id": person.id,
                "name": person.name,
                "role": person.role,
                "pin": person.pin_hash is not None,
                "sessions": len(sessions_of(session, [person.id], now)),
            }
            for person in people_of(session, household_id)
        ]
        closed = must_sign_in(session, household_id)
    if as_json:
        print_json({"sign_in": closed, "people": rows})
        return
    table = Table("person", "name", "role", "PIN", "signed in")
    for row in rows:
        pin = "yes" if row["pin"] else "no"
        table.add_row(str(row["person_id"]), str(row["name"]), str(row["role"]), pin, str(row["sessions"]))
    console.print(table)
    if not closed:
        say("Nobody has to sign in: whoever opens the page is the owner.")


@person_app.command("remove")
def person_remove(who: _Who, as_json: AsJson = False) -> None:
    """Remove somebody; their sessions and tokens end at once, and their buttons ask an adult."""
    settings = Settings()
    database, now = open_database(settings), settings.make_clock().now()
    household_id = the_household(database)
    try:
        with database.write() as session:
            person = find_person(session, household_id, who)
            remove_person(session, person, now)
    except PersonRefused as error:
        raise fail(str(error)) from error
    if as_json:
        print_json({"person_id": person.id, "removed": True})
    else:
        say(f"Removed {person.name}.")


@person_app.command("link")
def person_link(who: _Who, as_json: AsJson = False) -> None:
    """Print a link that signs one browser in as somebody, once."""
    settings = Settings()
    database, now = open_database(settings), settings.make_clock().now()
    household_id = the_household(database)
    try:
        with database.write() as session:
            ensure_owner(session, household_id)
            person = find_person(session, household_id, who)
            link = sign_in_url(settings, create_link(session, person, now))
    except PersonRefused as error:
        raise fail(str(error)) from error
    if as_json:
        print_json({"person_id": person.id, "link": link})
    else:
        _say_link(person.name, link)


@person_app.command("pin")
def person_pin(
    who: _Who,
    pin: Annotated[str, typer.Option(prompt=True, hide_input=True, help="4 to 12 digits; empty for none.")],
) -> None:
    """Set somebody's PIN for shared tablets; an empty one takes it away."""
    database = open_database(Settings())
    household_id = the_household(database)
    try:
        with database.write() as session:
            ensure_owner(session, household_id)
            person = find_person(session, household_id, who)
            set_pin(session, person, pin or None)
    except PersonRefused as error:
        raise fail(str(error)) from error
    say(f"{person.name} has {'a new PIN' if pin else 'no PIN any more'}.")


@person_app.command("device")
def person_device(
    device_id: Annotated[str, typer.Argument(help="See `replenish device list`.")],
    who: Annotated[str, typer.Argument(help="Name or id of whose it is; empty for everybody's.")] = "",
) -> None:
    """Give a device to somebody: its presses may do what that person may do."""
    database = open_database(Settings())
    household_id = the_household(database)
    try:
        with database.write() as session:
            person = find_person(session, household_id, who) if who else None
            give_device(session, household_id, device_id, None if person is None else person.id)
    except (PersonRefused, DeviceRefused) as error:
        raise fail(str(error)) from error
    say(f"{device_id} is {'everybody' if person is None else person.name}'s now.")


@token_app.command("create")
def token_create(
    person: Annotated[str, typer.Option(help="For whom the program acts.")],
    name: Annotated[str, typer.Option(help="What the program is called.")] = "program",
    scope: Annotated[list[Act] | None, typer.Option(help="Only these; else all that the role may.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a bearer token for `/api/v1` and `/mcp`; it is shown once and kept as a hash."""
    settings = Settings()
    database, now = open_database(settings), settings.make_clock().now()
    household_id = the_household(database)
    try:
        with database.write() as session:
            ensure_owner(session, household_id)
            who = find_person(session, household_id, person)
            scopes = frozenset(scope) if scope else acts_of(Role(who.role))
            row, token = create_token(session, who, name, scopes, now)
    except PersonRefused as error:
        raise fail(str(error)) from error
    if as_json:
        print_json({"token_id": row.id, "token": token, "person_id": who.id, "scopes": row.scopes})
        return
    say(f"Token {row.id} for {who.name}, may: {', '.join(row.scopes)}.")
    say(f"Shown once: {token}")


@token_app.command("list")
def token_list(as_json: AsJson = False) -> None:
    """List the tokens that work."""
    database = open_database(Settings())
    household_id = the_household(database)
    with database.read() as session:
        rows = _tokens(session, household_id)
    if as_json:
        print_json(
            [
                {"token_id": row.id, "name": row.name, "person": person.name, "scopes": row.scopes}
                for row, person in rows
            ]
        )
        return
    table = Table("token", "program", "for", "may", "last used")
    for row, person in rows:
        used = "never" if row.last_used_at is None else f"{row.last_used_at:%Y-%m-%d %H:%M}"
        table.add_row(row.id, row.name, person.name, ", ".join(row.scopes), used)
    console.print(table)


@token_app.command("revoke")
def token_revoke(token_id: Annotated[str, typer.Argument(help="See `replenish token list`.")]) -> None:
    """End a token at once."""
    settings = Settings()
    database, now = open_database(settings), settings.make_clock().now()
    household_id = the_household(database)
    with database.write() as session:
        found = next((row for row, _ in _tokens(session, household_id) if row.id == token_id), None)
        if found is None:
            raise fail(f"There is no token {token_id!r}; see: replenish token list")
        found.ended_at = now
        session.add(found)
    say(f"Token {token_id} works no more.")


def _tokens(session: Session, household_id: str) -> list[tuple[ApiToken, Person]]:
    query = (
        select(ApiToken, Person)
        .join(Person, col(Person.id) == col(ApiToken.person_id))
        .where(Person.household_id == household_id, col(ApiToken.ended_at).is_(None))
        .where(col(Person.removed_at).is_(None))
        .order_by(col(ApiToken.created_at))
    )
    return list(session.exec(query).all())


def _say_link(who: str, link: str) -> None:
    minutes = LINK_LASTS.seconds // 60
    say(f"{who} signs in, once and within {minutes} minutes, at: {link}")
