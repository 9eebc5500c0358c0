"""The auction itself: bids, hammer, clock. Everything is read from the database each time, as the field does it."""

import asyncio
import math
import random
import uuid

from shapes import CLUB_OF, MINIMUM, now_ms, now_text


class Refused(Exception):
    def __init__(self, status, detail):
        super().__init__(detail)
        self.status, self.detail = status, detail


def room_of(auction_id):
    return f"auction:{auction_id}"


class Auctioneer:
    def __init__(self, options, documents, shapes, emit):
        self.options, self.documents, self.shapes, self.emit = options, documents, shapes, emit
        self.timer_seq = {}
        self.clocks = {}
        self.one_at_a_time = asyncio.Lock()

    async def round_trip(self):
        """What another machine's database takes. While it does, everybody else goes on."""
        await asyncio.sleep(random.uniform(0.5, 1.5) * self.options.database_ms / 1000)

    def get(self, auction_id):
        if auction := self.documents.get("auction", auction_id):
            return auction
        raise Refused(404, "Auction not found")

    def put(self, auction):
        self.documents.put("auction", auction["id"], auction, auction["leagueId"])

    def participants(self, league_id):
        return [self.shapes.participant(one) for one in self.documents.list("participant", league_id)]

    def bids_of_lot(self, auction):
        return [bid for bid in self.documents.list("bid", auction["id"]) if bid["lot"] == auction["currentLot"]]

    def timer(self, auction):
        if self.options.has("timer_seq_restarts"):
            self.timer_seq[auction["id"]] = number = self.timer_seq.get(auction["id"], 0) + 1
        else:
            with self.documents.change():
                number = (self.documents.get("timer", auction["id"]) or 0) + 1
                self.documents.put("timer", auction["id"], number)
        return {
            "lotId": auction["currentLotId"],
            "seq": number,
            "endsAt": auction["endsAt"],
            "serverNow": now_ms(),
        }

    # What is read.

    def snapshot(self, auction):
        bids = [self.shapes.bid(bid) for bid in self.bids_of_lot(auction)]
        club = CLUB_OF.get(auction["currentClubId"])
        return {"auction": self.shapes.auction(auction), "bids": bids, "currentClub": club}

    def snapshot_event(self, auction):
        read = self.snapshot(auction)
        shown = {key: read["auction"][key] for key in ("status", "currentLot", "currentClubId", "currentBid")}
        event = {
            **shown,
            "currentClub": read["currentClub"],
            "currentBidder": auction["currentBidder"],
            "timerEndsAt": read["auction"]["timerEndsAt"],
            "soldClubs": auction["soldClubs"],
            "unsoldClubs": auction["unsoldClubs"],
            "seq": auction["bidSequence"],
            "participants": self.participants(auction["leagueId"]),
            "currentBids": read["bids"],
        }
        if auction["status"] == "active" and auction["endsAt"]:
            event["timer"] = self.timer(auction)
        return event

    def clubs(self, auction):
        bids = self.documents.list("bid", auction["id"])
        listed = []
        for number, club_id in enumerate(auction["clubQueue"], start=1):
            status, best = "upcoming", None
            if club_id in auction["soldClubs"]:
                # The field looks for the highest bid ever stored, so a late one that had no effect is shown here.
                status = "sold"
                best = max((b for b in bids if b["clubId"] == club_id), key=lambda b: b["amount"], default=None)
            elif club_id in auction["unsoldClubs"]:
                status = "unsold"
            elif club_id == auction["currentClubId"]:
                status = "current"
            winner = {"winner": best and best["userName"], "winningBid": best and self.shapes.money(best["amount"])}
            listed.append({**CLUB_OF[club_id], "status": status, "lotNumber": number, **winner})
        count = {status: sum(club["status"] == status for club in listed) for status in ("sold", "unsold")}
        remaining = len(listed) - sum(count.values())
        summary = {"soldClubs": count["sold"], "unsoldClubs": count["unsold"], "remainingClubs": remaining}
        return {"clubs": listed, "summary": {"totalClubs": len(listed), **summary}}

    # Bids.

    def check(self, auction, league, user_id, amount):
        """The reasons to refuse a bid, in the field's order. Returns who bids."""
        if auction["status"] != "active":
            raise Refused(400, f"Auction is not active (status: {auction['status']})")
        if not (user := self.documents.get("user", user_id)):
            raise Refused(404, "User not found")
        participant = self.documents.get("participant", f"{league['id']}/{user_id}")
        if not participant:
            raise Refused(403, "User is not a participant in this league")
        if not amount >= MINIMUM:
            raise Refused(400, f"Bid must be at least £{MINIMUM:,.0f}")
        budget = participant["budgetRemaining"]
        if amount > budget:
            raise Refused(400, f"Insufficient budget. You have £{budget:,.0f} remaining")
        left = league["clubSlots"] - len(participant["clubsWon"])
        most = budget - max(left - 1, 0) * MINIMUM
        if left > 0 and amount > most:
            kept, most = (left - 1) * MINIMUM / 1e6, most / 1e6
            raise Refused(400, f"Must reserve £{kept:.0f}m for {left - 1} remaining slot(s). Max bid: £{most:.1f}m")
        if left <= 0:
            raise Refused(400, "Your roster is full")
        between = auction["betweenLots"] and not self.options.has("countdown_bids_lost")
        if not auction["currentClubId"] or between:
            raise Refused(400, "No club currently being auctioned")
        if (auction["currentBidder"] or {}).get("userId") == user_id:
            raise Refused(400, "You are already the highest bidder")
        if auction["currentBid"] and amount <= auction["currentBid"]:
            raise Refused(400, f"Bid must exceed current bid of £{auction['currentBid']:,.0f}. Please bid higher.")
        return user

    async def bid(self, auction_id, user_id, amount):
        if self.options.has("no_compare_and_set"):
            return await self.take_bid(auction_id, user_id, amount)
        async with self.one_at_a_time:
            return await self.take_bid(auction_id, user_id, amount)

    async def take_bid(self, auction_id, user_id, amount):
        auction = self.get(auction_id)
        league = self.documents.get("league", auction["leagueId"])
        user = self.check(auction, league, user_id, amount)
        await self.round_trip()
        bid = {
            "id": str(uuid.uuid4()),
            "auctionId": auction_id,
            "userId": user_id,
            "userName": user["name"],
            "userEmail": user["email"],
            "clubId": auction["currentClubId"],
            "lot": auction["currentLot"],
            "amount": float(amount),
            "at": now_ms(),
        }
        with self.documents.change():
            # Read again for its number alone: that the price may have moved meanwhile is what the field overlooks.
            auction = self.get(auction_id)
            if not self.options.has("no_compare_and_set"):
                self.check(auction, league, user_id, amount)
            auction["bidSequence"] += 1
            auction["currentBid"] = bid["amount"]
            auction["currentBidder"] = {"userId": user_id, "displayName": user["name"]}
            late = auction["endsAt"] and auction["endsAt"] - now_ms() < auction["antiSnipeSeconds"] * 1000
            if late and not auction["betweenLots"]:
                auction["endsAt"] = now_ms() + auction["antiSnipeSeconds"] * 1000
                auction["clockPod"] = self.options.pod
            self.documents.put("bid", bid["id"], {**bid, "seq": auction["bidSequence"]}, auction_id)
            self.put(auction)
        await self.round_trip()
        room, amount = room_of(auction_id), self.shapes.money(bid["amount"])
        update = {"lotId": f"{auction_id}-lot-{bid['lot']}", "amount": amount, "bidder": auction["currentBidder"]}
        await self.emit("bid_update", {**update, "seq": auction["bidSequence"], "serverTime": now_text()}, room)
        placed = {"bid": self.shapes.bid(bid), "auctionId": auction_id, "clubId": bid["clubId"]}
        await self.emit("bid_placed", {**placed, "serverTime": now_text()}, room)
        if late and not auction["betweenLots"]:
            await self.emit("anti_snipe", self.timer(auction), room)
            self.wind(auction_id)
        shown = {key: bid[key] for key in ("userId", "clubId", "auctionId", "userName")}
        return {"message": "Bid placed successfully", "bid": {**shown, "amount": amount}}

    # Lots.

    async def begin(self, auction_id):
        auction = self.get(auction_id)
        if auction["status"] != "waiting":
            raise Refused(400, f"Auction is not in waiting state (current: {auction['status']})")
        await self.start_lot(auction_id, 1)
        status = {"leagueId": auction["leagueId"], "status": "auction_active", "auctionId": auction_id}
        await self.emit(
            "league_status_changed", {**status, "message": "Auction has begun!"}, f"league:{auction['leagueId']}"
        )
        first = CLUB_OF[auction["clubQueue"][0]]["name"]
        return {"message": "Auction started successfully", "auctionId": auction_id, "firstAsset": first}

    async def start_lot(self, auction_id, number):
        with self.documents.change():
            auction = self.get(auction_id)
            auction.update(
                status="active",
                currentLot=number,
                currentClubId=auction["clubQueue"][number - 1],
                currentLotId=f"{auction_id}-lot-{number}",
                currentBid=None,
                currentBidder=None,
                betweenLots=False,
                endsAt=now_ms() + auction["bidTimer"] * 1000,
                clockPod=self.options.pod,
            )
            self.put(auction)
        club = CLUB_OF[auction["currentClubId"]]
        started = {"club": club, "lotNumber": number, "timer": self.timer(auction)}
        await self.emit("lot_started", started, room_of(auction_id))
        self.wind(auction_id)

    async def hammer(self, auction_id):
        with self.documents.change():
            auction = self.get(auction_id)
            if auction["status"] != "active" or auction["betweenLots"]:
                return
            best = max(self.bids_of_lot(auction), key=lambda bid: bid["amount"], default=None)
            club_id = auction["currentClubId"]
            auction["soldClubs" if best else "unsoldClubs"].append(club_id)
            auction["betweenLots"] = True
            last = auction["currentLot"] >= len(auction["clubQueue"])
            if last:
                auction["status"] = "completed"
            if best:
                key = f"{auction['leagueId']}/{best['userId']}"
                winner = self.documents.get("participant", key)
                winner["budgetRemaining"] -= best["amount"]
                winner["totalSpent"] += best["amount"]
                winner["clubsWon"].append(club_id)
                self.documents.put("participant", key, winner, auction["leagueId"])
            self.put(auction)
        room, people = room_of(auction_id), self.participants(auction["leagueId"])
        bid = best and self.shapes.bid(best)
        sold = {"clubId": club_id, "clubName": CLUB_OF[club_id]["name"], "winningBid": bid, "unsold": not best}
        await self.emit("sold", {**sold, "participants": people}, room)
        if last:
            counts = {"clubsSold": len(auction["soldClubs"]), "clubsUnsold": len(auction["unsoldClubs"])}
            text = f"Auction completed! {counts['clubsSold']} teams sold, {counts['clubsUnsold']} unsold."
            end = {"message": text, "reason": "All available teams have been sold", "finalClubId": club_id}
            await self.emit("auction_complete", {**end, **counts, "finalWinningBid": bid, "participants": people}, room)
            return
        for seconds in (3, 2, 1, 0):
            message = f"Next team in {seconds}..." if seconds else "Starting now"
            await self.emit("next_team_countdown", {"seconds": seconds, "message": message}, room)
            if seconds:
                await asyncio.sleep(1)
        await self.start_lot(auction_id, auction["currentLot"] + 1)

    async def pause(self, auction_id):
        with self.documents.change():
            auction = self.get(auction_id)
            if auction["status"] != "active":
                raise Refused(400, "Can only pause active auctions")
            left = max(auction["endsAt"] - now_ms(), 0) / 1000
            auction.update(status="paused", pausedRemainingTime=left, endsAt=None)
            self.put(auction)
        message = "Auction has been paused by the commissioner"
        await self.emit("auction_paused", {"message": message, "remainingTime": left}, room_of(auction_id))
        return {"message": "Auction paused successfully", "remainingTime": left}

    async def resume(self, auction_id):
        with self.documents.change():
            auction = self.get(auction_id)
            if auction["status"] != "paused":
                raise Refused(400, "Can only resume paused auctions")
            left = auction["pausedRemainingTime"]
            ends_at = now_ms() + math.ceil(left * 1000)
            auction.update(status="active", pausedRemainingTime=None, endsAt=ends_at, clockPod=self.options.pod)
            self.put(auction)
        end = {"newEndTime": self.shapes.time(ends_at).removesuffix("+00:00") + "+00:00", "remainingTime": left}
        message = "Auction has been resumed by the commissioner"
        await self.emit("auction_resumed", {"message": message, **end}, room_of(auction_id))
        self.wind(auction_id)
        return {"message": "Auction resumed successfully", "remainingTime": left}

    # The clock, which lives in this process and in no other.

    def wind(self, auction_id):
        running = self.clocks.get(auction_id)
        if running is None or running.done() or running is asyncio.current_task():
            self.clocks[auction_id] = asyncio.create_task(self.run_clock(auction_id))

    async def run_clock(self, auction_id):
        while True:
            auction = self.documents.get("auction", auction_id)
            mine = auction and auction["status"] == "active" and auction["clockPod"] == self.options.pod
            if not mine or auction["betweenLots"]:
                return
            if auction["endsAt"] <= now_ms():
                return await self.hammer(auction_id)
            await asyncio.sleep(min(0.5, max(auction["endsAt"] - now_ms(), 1) / 1000))
            auction = self.documents.get("auction", auction_id)
            if auction and auction["status"] == "active" and not auction["betweenLots"]:
                await self.emit("tick", self.timer(auction), room_of(auction_id))

    def wind_all(self):
        """After a restart. The field does not do it."""
        for auction in self.documents.list("auction"):
            if auction["status"] == "active" and not auction["betweenLots"]:
                auction["clockPod"] = self.options.pod
                self.put(auction)
                self.wind(auction["id"])
