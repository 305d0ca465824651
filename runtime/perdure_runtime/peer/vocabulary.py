"""Calls, names and facts as peers write them to each other."""

from perdure_protos.perdure.peer.v1 import peer_pb2

from perdure_runtime.ingress.port import AwakeableFacts, EndedInvocation, InvocationName, WorkflowId
from perdure_runtime.partition.input import EditState, SettlePromise, Submit
from perdure_runtime.partition.lifecycle.wire import mode_message, mode_of, target_message, target_of
from perdure_runtime.partition.rows import Mark
from perdure_runtime.storage.api import Parcel


def write_submit(submit: Submit) -> peer_pb2.Submit:
    """A call from outside."""
    mark = submit.mark
    return peer_pb2.Submit(
        id=submit.id,
        target=target_message(submit.target),
        mode=mode_message(submit.mode),
        input=submit.input,
        headers=[peer_pb2.Header(name=name, value=value) for name, value in submit.headers],
        idempotency_key=submit.idempotency_key,
        delay_ms=submit.delay_ms,
        must_be_new=submit.must_be_new,
        repeated=submit.repeated,
        mark=None if mark is None else peer_pb2.Mark(source=mark.source, position=mark.position),
    )


def read_submit(submit: peer_pb2.Submit) -> Submit:
    """A call from outside."""
    return Submit(
        id=submit.id,
        target=target_of(submit.target),
        mode=mode_of(submit.mode),
        input=submit.input,
        headers=tuple((header.name, header.value) for header in submit.headers),
        idempotency_key=submit.idempotency_key,
        delay_ms=submit.delay_ms,
        must_be_new=submit.must_be_new,
        repeated=submit.repeated,
        mark=Mark(submit.mark.source, submit.mark.position) if submit.HasField("mark") else None,
    )


def write_name(name: InvocationName) -> peer_pb2.InvocationName:
    """What names an invocation."""
    if isinstance(name, WorkflowId):
        return peer_pb2.InvocationName(workflow=peer_pb2.WorkflowId(service=name.service, id=name.id))
    return peer_pb2.InvocationName(invocation_id=name)


def read_name(name: peer_pb2.InvocationName) -> InvocationName:
    """What names an invocation."""
    if name.HasField("workflow"):
        return WorkflowId(name.workflow.service, name.workflow.id)
    return name.invocation_id


def write_ended(ended: EndedInvocation) -> peer_pb2.Ended:
    """How an invocation has ended."""
    return peer_pb2.Ended(
        invocation_id=ended.invocation_id, service=ended.service, handler=ended.handler, outcome=ended.outcome
    )


def read_ended(ended: peer_pb2.Ended) -> EndedInvocation:
    """How an invocation has ended."""
    return EndedInvocation(ended.invocation_id, ended.service, ended.handler, ended.outcome)


def write_facts(facts: AwakeableFacts) -> peer_pb2.AwakeableFacts:
    """Who waits for an awakeable or a signal."""
    return peer_pb2.AwakeableFacts(service=facts.service, type=facts.type)


def read_facts(facts: peer_pb2.AwakeableFacts) -> AwakeableFacts:
    """Who waits for an awakeable or a signal."""
    return AwakeableFacts(facts.service, facts.type)


def write_parcel(parcel: Parcel) -> peer_pb2.Parcel:
    """A message between partitions."""
    return peer_pb2.Parcel(source=parcel.source, destination=parcel.destination, seq=parcel.seq, message=parcel.message)


def read_parcel(parcel: peer_pb2.Parcel) -> Parcel:
    """A message between partitions."""
    return Parcel(parcel.source, parcel.destination, parcel.seq, parcel.message)


def write_edit(edit: EditState) -> peer_pb2.EditState:
    """A change of state."""
    changes = [peer_pb2.EditState.Change(name=name, value=value) for name, value in edit.changes]
    return peer_pb2.EditState(service=edit.service, key=edit.key, version=edit.version, changes=changes)


def read_edit(edit: peer_pb2.EditState) -> EditState:
    """A change of state."""
    changes = [(change.name, change.value if change.HasField("value") else None) for change in edit.changes]
    return EditState(edit.service, edit.key, edit.version, tuple(changes))


def write_settle(settle: SettlePromise) -> peer_pb2.CompletePromise:
    """The result of a promise."""
    workflow = peer_pb2.WorkflowId(service=settle.service, id=settle.key)
    return peer_pb2.CompletePromise(workflow=workflow, name=settle.name, result=settle.result)


def read_settle(settle: peer_pb2.CompletePromise) -> SettlePromise:
    """The result of a promise."""
    return SettlePromise(settle.workflow.service, settle.workflow.id, settle.name, settle.result)
