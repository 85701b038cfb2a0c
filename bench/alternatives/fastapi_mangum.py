"""(c) FastAPI behind Mangum, with boto3's three calls in a plain function, as FastAPI recommends for what blocks."""

from __future__ import annotations

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from mangum import Mangum

from . import three_calls
from .rules import Refused, moment


def join(request: Request) -> JSONResponse:
    context = request.scope["aws.event"]["requestContext"]
    try:
        body, status = three_calls.join(context["authorizer"]["principalId"], moment(context))
    except Refused as refusal:
        raise HTTPException(409, str(refusal)) from refusal
    return JSONResponse(body, status)


_app = FastAPI()
_app.add_api_route("/waves/current/entries", join, methods=["POST"], response_model=None)
handler = Mangum(_app, lifespan="off")
