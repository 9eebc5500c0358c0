"""Leagues and who takes part in them."""

import secrets
import uuid

from auctioneer import Refused
from shapes import CLUBS, now_ms


class Leagues:
    def __init__(self, documents, shapes, emit):
        self.documents, self.shapes, self.emit = documents, shapes, emit

    def get(self, league_id):
        if league := self.documents.get("league", league_id):
            return league
        raise Refused(404, "League not found")

    def auction_of(self, league):
        return self.documents.get("auction", league["activeAuctionId"] or "")

    def create(self, given):
        league = {
            "id": str(uuid.uuid4()),
            "name": given["name"],
            "commissionerId": given["commissionerId"],
            "budget": float(given.get("budget", 500_000_000)),
            "minManagers": given.get("minManagers", 2),
            "maxManagers": given.get("maxManagers", 8),
            "clubSlots": given.get("clubSlots", 3),
            "sportKey": given.get("sportKey", "football"),
            "competitionCode": "PL",
            "status": "pending",
            "activeAuctionId": None,
            "inviteToken": secrets.token_hex(4),
            "createdAt": now_ms(),
            "scoringOverrides": None,
            "timerSeconds": given.get("timerSeconds", 30),
            "antiSnipeSeconds": given.get("antiSnipeSeconds", 10),
            "assetsSelected": given.get("assetsSelected"),
        }
        self.documents.put("league", league["id"], league)
        return self.shapes.league(league)

    async def join(self, invite, user_id):
        invite = str(invite).strip().lower()
        league = next((one for one in self.documents.list("league") if one["inviteToken"] == invite), None)
        if not league:
            raise Refused(404, "Invalid invite code. Please check the code and try again.")
        if not (user := self.documents.get("user", user_id)):
            raise Refused(404, "User not found")
        key = f"{league['id']}/{user_id}"
        participant = self.documents.get("participant", key)
        message = "Already joined"
        if not participant:
            if len(self.documents.list("participant", league["id"])) >= league["maxManagers"]:
                raise Refused(400, "League is full")
            message = "Successfully joined!"
            participant = {
                "id": str(uuid.uuid4()),
                "leagueId": league["id"],
                "userId": user_id,
                "userName": user["name"],
                "userEmail": user["email"],
                "budgetRemaining": league["budget"],
                "clubsWon": [],
                "totalSpent": 0.0,
                "joinedAt": now_ms(),
            }
            self.documents.put("participant", key, participant, league["id"])
            room, shown = f"league:{league['id']}", self.shapes.participant(participant)
            member = {"userId": user_id, "displayName": user["name"], "joinedAt": shown["joinedAt"]}
            await self.emit("member_joined", member, room)
            joined = {"leagueId": league["id"], "participant": shown, "message": f"{user['name']} joined the league"}
            await self.emit("participant_joined", joined, room)
            count = len(self.documents.list("participant", league["id"]))
            await self.emit("sync_members", {"leagueId": league["id"], "members": self.members(league["id"])}, room)
            await self.emit("participants_changed", {"leagueId": league["id"], "count": count}, room)
        shown = self.shapes.participant(participant)
        return {"message": message, "leagueId": league["id"], "participant": shown}

    def members(self, league_id):
        people = self.documents.list("participant", league_id)
        return [
            {"userId": one["userId"], "displayName": one["userName"], "joinedAt": self.shapes.time(one["joinedAt"])}
            for one in people
        ]

    def participants(self, league_id):
        self.get(league_id)
        keys = ("userId", "userName", "userEmail", "budgetRemaining", "clubsWon")
        people = [self.shapes.participant(one) for one in self.documents.list("participant", league_id)]
        return {"count": len(people), "participants": [{key: one[key] for key in keys} for one in people]}

    def competitions(self, user_id):
        listed = []
        for league in self.documents.list("league"):
            people = self.documents.list("participant", league["id"])
            mine = next((one for one in people if one["userId"] == user_id), None)
            if not mine and league["commissionerId"] != user_id:
                continue
            auction = self.auction_of(league)
            stages = {"active": "auction_live", "paused": "auction_live", "completed": "auction_complete"}
            listed.append(
                {
                    "leagueId": league["id"],
                    "name": league["name"],
                    "sportKey": league["sportKey"],
                    "status": stages.get(auction and auction["status"], "pre_auction"),
                    "isCommissioner": league["commissionerId"] == user_id,
                    "activeAuctionId": league["activeAuctionId"],
                    "assetsOwned": [],
                    "managersCount": len(people),
                    "timerSeconds": league["timerSeconds"],
                    "antiSnipeSeconds": league["antiSnipeSeconds"],
                    "startsAt": None,
                    "nextFixtureAt": None,
                }
            )
        return listed

    async def start_auction(self, league_id):
        league = self.get(league_id)
        if auction := self.auction_of(league):
            return {"message": "Auction already exists", "auctionId": auction["id"]}
        auction = {
            "id": str(uuid.uuid4()),
            "leagueId": league_id,
            "status": "waiting",
            "currentLot": 0,
            "currentClubId": None,
            "currentLotId": None,
            "bidTimer": league["timerSeconds"],
            "antiSnipeSeconds": league["antiSnipeSeconds"],
            "endsAt": None,
            "clubQueue": league["assetsSelected"] or [club["id"] for club in CLUBS],
            "soldClubs": [],
            "unsoldClubs": [],
            "pausedRemainingTime": None,
            "currentBid": None,
            "currentBidder": None,
            "bidSequence": 0,
            "usersInWaitingRoom": [],
            "betweenLots": False,
            "clockPod": None,
            "createdAt": now_ms(),
        }
        with self.documents.change():
            self.documents.put("auction", auction["id"], auction, league_id)
            self.documents.put("league", league_id, {**league, "status": "active", "activeAuctionId": auction["id"]})
        status = {"leagueId": league_id, "status": "auction_created", "auctionId": auction["id"]}
        await self.emit("league_status_changed", status, f"league:{league_id}")
        return {"auctionId": auction["id"], "status": "waiting"}

    async def remove_auction(self, auction):
        league_id, auction_id = auction["leagueId"], auction["id"]
        with self.documents.change():
            people = self.documents.list("participant", league_id)
            league = self.get(league_id)
            for one in people:
                back = {"budgetRemaining": league["budget"], "totalSpent": 0.0, "clubsWon": []}
                self.documents.put("participant", f"{league_id}/{one['userId']}", {**one, **back}, league_id)
            bids = self.documents.remove_all("bid", auction_id)
            self.documents.remove("auction", auction_id)
            self.documents.put("league", league_id, {**league, "status": "pending", "activeAuctionId": None})
        gone = {"auctionId": auction_id, "leagueId": league_id}
        gone["message"] = "Auction has been deleted by the commissioner"
        await self.emit("auction_deleted", gone, f"auction:{auction_id}")
        return bids, len(people)
