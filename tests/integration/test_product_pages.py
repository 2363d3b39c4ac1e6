"""Choosing a product and a way of delivery, through the page, on a real database and a scripted shop."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from replenish_server.clock import Clock
from replenish_server.fleet.tables import Slot
from replenish_server.households.tables import SlotFulfilment
from replenish_server.ordering.orders import create_order
from replenish_server.ordering.tables import PurchaseOrder
from replenish_server.ordering.ways import ways_of
from replenish_server.retailers.http import ShopClient
from replenish_server.retailers.port import PickUp, ShipTo
from replenish_server.retailers.tables import Retailer
from replenish_server.retailers.ucp.connection import Connection, Identity
from replenish_server.retailers.ucp.shelf import UcpShelf
from replenish_server.web import install_pages
from replenish_server.web.household import DatabasePages
from replenish_server.web.people import DatabasePeople
from replenish_server.web.products import DatabaseProducts
from replenish_server.web.products_routes import build_products_router
from replenish_server.replenishment.priors import shipped_models
from tests.fakes.mortality import ManualClock
from tests.fakes.retailer_house import NOW, House, build_house, migrated
from tests.fakes.retailer_merchant import API, SESSION, SITE, Merchant, checkout, hangs, profile, says
from tests.unit.retailers.test_ucp_shelf import CANCEL, CREATE, LOOKUP, SEARCH, page, pickup, variant

SOAP = variant("soap-2", unit_price={"measure": {"value": 2, "unit": "kg"}})
