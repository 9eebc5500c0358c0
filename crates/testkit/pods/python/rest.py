"""The REST half (contract, section 1), and three calls under /api/testkit that no field has."""

import json
import math

from auctioneer import Refused
from shapes import now_text
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route


def invalid(kind, place, message, given):
    return JSONResponse({"detail": [{"type": kind, "loc": place, "msg": message, "input": given}]}, 422)


async def body_of(request, *required):
    """The body and what is wrong with it, one of them None."""
    raw = await request.body()
    if not raw:
        return None, invalid("missing", ["body"], "Field required", None)
    try:
        body = json.loads(raw)
    except ValueError:
        return None, invalid("json_invalid", ["body", 1], "JSON decode error", {})
    if not isinstance(body, dict):
        message = "Input should be a valid dictionary or object to extract fields from"
        return None, invalid("model_attributes_type", ["body"], message, None)
    for field in required:
        if field not in body:
            return None, invalid("missing", ["body", field], "Field required", None)
    return body, None


def routes(options, documents, shapes, people, leagues, auctioneer, sockets):
    def call(path, method="GET", *required):
        """Makes a route of a function of the request and, where fields are required, of the body."""

        def made(answer):
            async def endpoint(request):
                body = None
                if required:
                    body, wrong = await body_of(request, *required)
                    if wrong:
                        return wrong
                try:
                    answered = answer(request, body) if required else answer(request)
                    if hasattr(answered, "__await__"):
                        answered = await answered
                    return answered if isinstance(answered, JSONResponse) else JSONResponse(answered)
                except Refused as refused:
                    return JSONResponse({"detail": refused.detail}, refused.status)

            listed.append(Route("/api" + path, endpoint, methods=[method]))
            return answer

        return made

    listed = []

    @call("/health")
    def health(request):
        # Of the configuration alone, as in the field: a Redis that is dead makes no difference here.
        redis = bool(options.redis_url)
        claim = {"mode": "redis" if redis else "in-memory", "redis_configured": redis, "multi_pod_ready": redis}
        if redis:
            hint = "Check logs for 'Cannot publish to redis' if Socket.IO not working."
            claim["warning"] = f"Redis adapter created. {hint}"
        return {"status": "healthy", "database": "connected", "timestamp": now_text(), "socketio": claim}

    # Not required by name: the field looks for them itself and answers with 400.
    @call("/auth/magic-link", "POST", *())
    async def magic_link(request):
        return people.link(json.loads(await request.body() or b"{}").get("email"))

    @call("/auth/verify-magic-link", "POST")
    async def verify(request):
        body = json.loads(await request.body() or b"{}")
        return people.verify(body.get("email"), body.get("token"))

    @call("/auth/refresh", "POST")
    async def refresh(request):
        return people.refresh(json.loads(await request.body() or b"{}").get("refreshToken"))

    @call("/auth/me")
    def me(request):
        return shapes.user(people.caller(request.headers))

    @call("/users", "POST", "name", "email")
    def create_user(request, body):
        return shapes.user(people.user_of_email(body["email"], body["name"]))

    @call("/me/competitions")
    def competitions(request):
        return leagues.competitions(request.query_params.get("userId"))

    @call("/leagues", "POST", "name", "commissionerId")
    def create_league(request, body):
        return leagues.create(body)

    @call("/leagues/join", "POST", "inviteToken", "userId")
    async def join(request, body):
        return await leagues.join(body["inviteToken"], body["userId"])

    @call("/leagues/{id}")
    def league(request):
        return shapes.league(leagues.get(request.path_params["id"]))

    @call("/leagues/{id}/participants")
    def participants(request):
        return leagues.participants(request.path_params["id"])

    @call("/leagues/{id}/state")
    def league_state(request):
        found = leagues.get(request.path_params["id"])
        return {"leagueId": found["id"], "status": found["status"], "activeAuctionId": found["activeAuctionId"]}

    @call("/leagues/{id}/auction")
    def league_auction(request):
        if found := leagues.auction_of(leagues.get(request.path_params["id"])):
            return {"auctionId": found["id"], "status": found["status"]}
        raise Refused(404, "No auction found for this league")

    @call("/leagues/{id}/auction/start", "POST")
    async def start_auction(request):
        return await leagues.start_auction(request.path_params["id"])

    @call("/leagues/{id}/auction/reset", "POST")
    async def reset(request):
        found = leagues.get(request.path_params["id"])
        if found["commissionerId"] != request.query_params.get("commissioner_id"):
            raise Refused(403, "Only the league commissioner can reset the auction")
        auction = leagues.auction_of(found)
        if not auction:
            raise Refused(404, "No auction found for this league")
        if auction["status"] not in ("paused", "completed"):
            raise Refused(400, "Can only reset paused or completed auctions. Please pause the auction first.")
        bids, reset = await leagues.remove_auction(auction)
        return {"message": "Auction reset successfully", "bidsDeleted": bids, "participantsReset": reset}

    @call("/auction/{id}")
    def snapshot(request):
        return auctioneer.snapshot(auctioneer.get(request.path_params["id"]))

    @call("/auction/{id}/clubs")
    def clubs(request):
        return auctioneer.clubs(auctioneer.get(request.path_params["id"]))

    @call("/auction/{id}/begin", "POST")
    async def begin(request):
        caller = people.caller(request.headers)
        auction = auctioneer.get(request.path_params["id"])
        if leagues.get(auction["leagueId"])["commissionerId"] != caller["id"]:
            raise Refused(403, "Only the league commissioner can start the auction. Ask the commissioner to start it.")
        return await auctioneer.begin(auction["id"])

    @call("/auction/{id}/bid", "POST", "userId", "amount")
    async def bid(request, body):
        if not isinstance(body["userId"], str):
            return invalid("string_type", ["body", "userId"], "Input should be a valid string", body["userId"])
        try:
            amount = float(body["amount"])
        except (TypeError, ValueError):
            return invalid("float_parsing", ["body", "amount"], "Input should be a valid number", None)
        if math.isnan(amount):
            amount = 0.0
        return await auctioneer.bid(request.path_params["id"], body["userId"], amount)

    @call("/auction/{id}/pause", "POST")
    async def pause(request):
        return await auctioneer.pause(request.path_params["id"])

    @call("/auction/{id}/resume", "POST")
    async def resume(request):
        return await auctioneer.resume(request.path_params["id"])

    @call("/auction/{id}/complete-lot", "POST")
    async def complete_lot(request):
        return await auctioneer.hammer(request.path_params["id"])

    @call("/auction/{id}", "DELETE")
    async def delete(request):
        bids, reset = await leagues.remove_auction(auctioneer.get(request.path_params["id"]))
        counts = {"auction": 1, "bids": bids, "participants_reset": reset}
        return {"message": "Auction deleted successfully", "deletedData": counts}

    @call("/testkit/auction/{id}/bids")
    def all_bids(request):
        bids = documents.list("bid", request.path_params["id"])
        return [{**shapes.bid(bid), "seq": bid["seq"], "lot": bid["lot"]} for bid in bids]

    @call("/testkit/auction/{id}/frames", "POST", "frames")
    async def frames(request, body):
        """Says these frames to every socket of the auction's room, unseen: this is how a backend gone mad sounds."""
        return {"sockets": await sockets.say_raw(f"auction:{request.path_params['id']}", body["frames"])}

    @call("/testkit/timer/{id}/forget", "POST")
    def forget_timer(request):
        """Lets timer.seq start anew, as it does when the timer moves to another pod."""
        return {"was": auctioneer.timer_seq.pop(request.path_params["id"], 0)}

    async def failed(request, error):
        return PlainTextResponse("Internal Server Error", 500)

    return listed, {500: failed, 404: lambda request, error: JSONResponse({"detail": "Not Found"}, 404)}
