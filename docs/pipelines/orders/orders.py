"""The two Lambdas of orders.json: `fetch-orders` and `charge-card`."""

import os
from typing import Any

CARDS = ("visa", "mastercard", "amex", "mastercard")


def fetch_orders(_: object, __: object) -> dict[str, Any]:
    """The orders of a day."""
    return {"orders": [{"order": n, "card": card} for n, card in enumerate(CARDS, 1001)]}


def charge_card(order: dict[str, Any], _: object) -> dict[str, str]:
    """Charge an order's card; the network that DOWN names does not answer."""
    if order["card"] == os.environ.get("DOWN"):
        raise ConnectionError(f"{order['card']} does not answer")
    return {"receipt": f"R-{order['order']}"}
