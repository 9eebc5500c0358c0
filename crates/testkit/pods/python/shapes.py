"""How the field writes money and times, and what it shows of a document."""

from datetime import UTC, datetime

CLUBS = [
    {
        "id": f"club-{number:02}",
        "name": name,
        "uefaId": f"U{number:02}",
        "country": "England",
        "logo": None,
        "competition": "English Premier League",
        "competitionShort": "EPL",
        "competitions": ["English Premier League"],
        "apiFootballId": str(49 + number),
    }
    for number, name in enumerate(
        ["Arsenal FC", "Aston Villa FC", "Chelsea FC", "Everton FC", "Fulham FC", "Leeds United FC", "Liverpool FC"],
        start=1,
    )
]
CLUB_OF = {club["id"]: club for club in CLUBS}
MINIMUM = 1_000_000.0


def now_ms():
    return int(datetime.now(UTC).timestamp() * 1000)


def now_text():
    """As in an event: with a zone."""
    return datetime.now(UTC).isoformat()


class Shapes:
    def __init__(self, options):
        self.options = options

    def money(self, amount):
        if amount is None or self.options.has("float_money"):
            return amount
        return int(amount) if float(amount).is_integer() else amount

    def time(self, ms):
        """A time that was read from the database."""
        if ms is None:
            return None
        text = datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="microseconds")
        return text.removesuffix("+00:00") if self.options.has("zoneless_times") else text

    def user(self, user):
        return {**{key: user[key] for key in ("id", "name", "email")}, "createdAt": self.time(user["createdAt"])}

    def league(self, league):
        return {**league, "budget": self.money(league["budget"]), "createdAt": self.time(league["createdAt"])}

    def participant(self, participant):
        shown = {**participant, "joinedAt": self.time(participant["joinedAt"])}
        for key in ("budgetRemaining", "totalSpent"):
            shown[key] = self.money(participant[key])
        return shown

    def bid(self, bid):
        shown = {key: bid[key] for key in ("id", "auctionId", "userId", "clubId", "userName", "userEmail")}
        return {**shown, "amount": self.money(bid["amount"]), "timestamp": self.time(bid["at"])}

    def auction(self, auction):
        keys = "id leagueId status currentLot currentClubId currentLotId bidTimer antiSnipeSeconds clubQueue".split()
        keys += "unsoldClubs pausedRemainingTime currentBidder bidSequence usersInWaitingRoom".split()
        return {
            **{key: auction[key] for key in keys},
            "timerEndsAt": self.time(auction["endsAt"]),
            "minimumBudget": self.money(MINIMUM),
            "currentBid": self.money(auction["currentBid"]),
            "createdAt": self.time(auction["createdAt"]),
        }
