"""A retailer's price list: read from CSV, kept, and turned into the quote that the mandate judges."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete
from sqlmodel import Session, col, select

from replenish_server.retailers.book.tables import RetailerPrice
from replenish_server.retailers.kinds import PRICED_KINDS
from replenish_server.retailers.port import Line, Problem, QuotedLine, Trouble
from replenish_server.retailers.tables import Retailer

MAX_ROWS = 100_000
_COLUMNS = ("item_id", "name", "unit_price", "currency")
_OPTIONAL = ("unit", "available")
_ZERO_DECIMALS = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "XAF", "XOF", "XPF", "UGX"})
_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
_PRICE = re.compile(r"(?P<whole>[0-9]{1,9})(?:\.(?P<part>[0-9]{1,3}))?", re.ASCII)


class PriceListRefused(ValueError):
    """The file cannot be used, and nothing of it was; the text names line and column."""


@dataclass(frozen=True)
class PriceRow:
    """One article of a price list; `unit_minor` in minor units of `currency`."""

    item_id: str
    name: str
    unit_minor: int
    currency: str
    unit: str
    available: bool


def decimals(currency: str) -> int:
    """How many digits a currency's minor unit has (ISO 4217)."""
    if currency in _ZERO_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2


def read_price_list(text: str) -> list[PriceRow]:
    """The rows of a CSV file with the columns item_id, name, unit_price, currency and, if wanted, unit and
    available. Prices are decimals with a point, e.g. 12.90.

    Raises:
        PriceListRefused: a column is missing, a value cannot be read, an item stands twice, or none does.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        missing = [name for name in _COLUMNS if name not in names]
        if missing:
            raise PriceListRefused(
                f"line 1: the column {missing[0]!r} is missing; write {','.join(_COLUMNS + _OPTIONAL)}"
            )
        rows: dict[str, PriceRow] = {}
        for raw in reader:
            if None in raw:  # DictReader keeps what has no column under no name
                raise PriceListRefused(
                    f"line {reader.line_num} has more values than columns; write prices with a point, and "
                    'quote names that hold a comma, e.g. "Soap, green"'
                )
            row = _row(raw, reader.line_num)
            if row.item_id in rows:
                raise PriceListRefused(f"line {reader.line_num}: item_id {row.item_id!r} stands twice")
            rows[row.item_id] = row
            if len(rows) > MAX_ROWS:
                raise PriceListRefused(f"at most {MAX_ROWS} articles fit into one list")
    except csv.Error as error:
        raise PriceListRefused(f"line {reader.line_num}: this is no CSV: {error}") from error
    if not rows:
        raise PriceListRefused("the file has no articles")
    return list(rows.values())


def _row(raw: dict[str, str | None], line: int) -> PriceRow:
    values = {key: (raw.get(key) or "").strip() for key in (*_COLUMNS, *_OPTIONAL)}

    def refuse(column: str, what: str) -> PriceListRefused:
        return PriceListRefused(f"line {line}, column {column}: {values[column]!r} {what}")

    if not 0 < len(values["item_id"]) <= 200 or not values["item_id"].isprintable():
        raise refuse("item_id", "is no id; use 1 to 200 printable characters")
    if not 0 < len(values["name"]) <= 300:
        raise refuse("name", "is no name; use 1 to 300 characters")
    if not re.fullmatch(r"[A-Z]{3}", values["currency"], re.ASCII):
        raise refuse("currency", "is no ISO 4217 code, e.g. EUR")
    unit = values["unit"] or "EA"
    if not re.fullmatch(r"[A-Z0-9]{2,3}", unit, re.ASCII):
        raise refuse("unit", "is no UN/CEFACT unit, e.g. EA or BX")
    available = {"": True, "yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}.get(
        values["available"].lower()
    )
    if available is None:
        raise refuse("available", "is neither yes nor no")
    digits = decimals(values["currency"])
    match = _PRICE.fullmatch(values["unit_price"])
    if match is None or len(match["part"] or "") > digits:
        raise refuse("unit_price", f"is no price; write it with a point and at most {digits} digits after it")
    minor = int(match["whole"]) * 10**digits + int((match["part"] or "").ljust(digits, "0") or 0)
    if minor == 0:
        raise refuse("unit_price", "is nothing; leave the article out instead")
    return PriceRow(values["item_id"], values["name"], minor, values["currency"], unit, available)


def import_prices(session: Session, retailer_id: str, rows: Sequence[PriceRow], now: datetime) -> None:
    """Keep this list and no other for the retailer.

    Raises:
        PriceListRefused: there is no such retailer, or it says its own prices.
    """
    retailer = session.get(Retailer, retailer_id)
    if retailer is None:
        raise PriceListRefused(f"there is no retailer {retailer_id!r}; see replenish retailer list")
    if retailer.kind not in PRICED_KINDS:
        raise PriceListRefused(f"a retailer of kind {retailer.kind} has no price list here")
    session.execute(delete(RetailerPrice).where(col(RetailerPrice.retailer_id) == retailer_id))
    session.add_all(
        RetailerPrice(
            retailer_id=retailer_id,
            item_id=row.item_id,
            name=row.name,
            unit_minor=row.unit_minor,
            currency=row.currency,
            unit=row.unit,
            available=row.available,
            imported_at=now,
        )
        for row in rows
    )


@dataclass(frozen=True)
class Priced:
    """What a need costs by the price list: lines for the quote, and their names and units for the order."""

    lines: tuple[QuotedLine, ...]
    names: tuple[str, ...]
    units: tuple[str, ...]
    subtotal_minor: int
    currency: str


def price_lines(session: Session, retailer_id: str, lines: Sequence[Line]) -> Priced | Trouble:
    """What these lines cost.

    Returns:
        Trouble when an article is not on the list, is not to be had, or the list mixes currencies for them.
    """
    wanted = [line.item_id for line in lines]
    found = {
        row.item_id: row
        for row in session.exec(
            select(RetailerPrice).where(
                RetailerPrice.retailer_id == retailer_id, col(RetailerPrice.item_id).in_(wanted)
            )
        )
    }
    for item_id in wanted:
        if item_id not in found:
            return Trouble(Problem.ITEM_UNAVAILABLE, f"{item_id} is not on the price list", item_id=item_id)
        if not found[item_id].available:
            return Trouble(Problem.OUT_OF_STOCK, f"{item_id} is marked as not available", item_id=item_id)
    rows = [found[item_id] for item_id in wanted]
    if len({row.currency for row in rows}) != 1:
        return Trouble(Problem.ITEM_UNAVAILABLE, "the articles are priced in several currencies")
    quoted = tuple(
        QuotedLine(line.item_id, line.packs, row.unit_minor, row.unit_minor * line.packs)
        for line, row in zip(lines, rows, strict=True)
    )
    return Priced(
        quoted,
        tuple(row.name for row in rows),
        tuple(row.unit for row in rows),
        sum(line.total_minor for line in quoted),
        rows[0].currency,
    )
