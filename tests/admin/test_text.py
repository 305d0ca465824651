"""No text of a request holds a NUL character, however deep it stands."""

import pytest
from google.protobuf.message import Message
from perdure_protos.perdure.admin.v1.definitions_pb2 import PutSubscriptionRequest, Subscription
from perdure_protos.perdure.admin.v1.invocations_pb2 import (
    GetInvocationRequest,
    InvocationFilter,
    ListInvocationsRequest,
)
from perdure_runtime.admin.text import check_text
from perdure_runtime.ingress.refusal import Refusal


@pytest.mark.parametrize(
    ("request_", "place"),
    [
        (GetInvocationRequest(invocation_id="inv\0"), "invocation_id"),
        (ListInvocationsRequest(filter=InvocationFilter(key="\0")), "filter.key"),
        (ListInvocationsRequest(filter=InvocationFilter(ids=["a", "\0"])), "filter.ids"),
        (
            PutSubscriptionRequest(subscription=Subscription(kafka=Subscription.Kafka(settings={"a": "\0"}))),
            "subscription.kafka.settings",
        ),
        (PutSubscriptionRequest(subscription=Subscription(skip={"\0": 1})), "subscription.skip"),
    ],
)
def test_text_with_one_is_refused_with_its_place(request_: Message, place: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_text(request_)
    assert refused.value.message == f"{place} holds a NUL character; leave it out"


def test_all_other_text_is_taken() -> None:
    check_text(ListInvocationsRequest(page_token="\x01", filter=InvocationFilter(key="ä", min_age_ms=1, ids=["0"])))
