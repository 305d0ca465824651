"""What a peer asks for, and the answer of the invocations that are here."""

from typing import assert_never

from perdure_protos.perdure.peer.v1.peer_pb2 import Called, Done, HandlerName, Request, Response

from perdure_runtime.ingress.port import NotAccepted
from perdure_runtime.peer.failures import write_failure
from perdure_runtime.peer.port import Residents
from perdure_runtime.peer.vocabulary import read_edit, read_name, read_settle, read_submit, write_ended, write_facts


async def answer(residents: Residents, request: Request) -> Response:
    """Does what a request asks for. Errors are answers."""
    try:
        response = await _answer(residents, request)
    except Exception as error:
        response = Response(failure=write_failure(error))
    response.id = request.id
    return response


async def _answer(residents: Residents, request: Request) -> Response:
    match request.WhichOneof("request"):
        case "call":
            invocation_id, outcome = await residents.call(read_submit(request.call))
            return Response(called=Called(invocation_id=invocation_id, outcome=outcome))
        case "submit":
            return Response(invocation_id=await residents.submit(read_submit(request.submit)))
        case "attach":
            return Response(ended=write_ended(await residents.attach(read_name(request.attach))))
        case "output":
            ended = await residents.output(read_name(request.output))
            return _done() if ended is None else Response(ended=write_ended(ended))
        case "handler_of":
            found = await residents.handler_of(read_name(request.handler_of))
            return Response(handler=HandlerName(service=found.service, handler=found.handler))
        case "cancel":
            await residents.cancel(read_name(request.cancel))
        case "signal":
            signal = request.signal
            await residents.signal(read_name(signal.invocation), signal.name, signal.result)
        case "signal_type":
            asked = request.signal_type
            facts = await residents.signal_type(read_name(asked.invocation), asked.name)
            return _done() if facts is None else Response(facts=write_facts(facts))
        case "awakeable_type":
            return Response(facts=write_facts(await residents.awakeable_type(request.awakeable_type)))
        case "complete_awakeable":
            await residents.complete_awakeable(request.complete_awakeable.id, request.complete_awakeable.result)
        case "resume":
            await residents.resume(request.resume.invocation_id, on_newest=request.resume.on_newest)
        case "pause":
            await residents.pause(request.pause)
        case "stop":
            await residents.stop(request.stop)
        case "kill":
            await residents.kill(request.kill)
        case "restart":
            restart = request.restart
            return Response(invocation_id=await residents.restart(restart.invocation_id, restart.from_entry))
        case "purge":
            await residents.purge(request.purge)
        case "edit_state":
            await residents.edit_state(read_edit(request.edit_state))
        case "complete_promise":
            await residents.settle_promise(read_settle(request.complete_promise))
        case "refresh":
            await residents.refresh()
        case "parcel" | "acknowledgement" | "look" | "withdraw":
            raise AssertionError("these have no answer")
        case None:
            raise NotAccepted("this node does not know what a newer one asks of it: update all nodes of the cluster")
        case unknown:
            assert_never(unknown)
    return _done()


def _done() -> Response:
    return Response(done=Done())
