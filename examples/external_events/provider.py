"""A payment provider: the customer pays on its pages, and it calls back."""

from examples.ledger import write


def open_payment(order_id: str, cents: int, callback: str) -> None:
    """Tells the provider about a payment, and whom to call: POST to ``callback``/resolve, or /reject."""
    write(order_id, f"opened a payment of {cents}, to be told at {callback}")


def close_payment(order_id: str) -> None:
    """From now on nobody can pay; closing what is closed is no error."""
    write(order_id, "closed the payment")
