"""Who is who: sign-in by magic link, tokens that outlive the process."""

import secrets
import uuid

import jwt
from auctioneer import Refused
from shapes import now_ms

LIFETIME = {"access": 86_400, "refresh": 30 * 86_400}


class People:
    def __init__(self, documents, shapes):
        self.documents, self.shapes = documents, shapes
        with documents.change():
            if not documents.get("secret", "tokens"):
                documents.put("secret", "tokens", secrets.token_urlsafe(32))
        self.secret = documents.get("secret", "tokens")

    def user_of_email(self, email, name):
        email = email.strip().lower()
        with self.documents.change():
            for user in self.documents.list("user"):
                if user["email"] == email:
                    return user
            user = {"id": str(uuid.uuid4()), "name": name, "email": email, "createdAt": now_ms()}
            self.documents.put("user", user["id"], user)
        return user

    def link(self, email):
        if not isinstance(email, str) or "@" not in email:
            raise Refused(400, "Valid email required")
        token = secrets.token_urlsafe(32)
        self.documents.put("link", token, {"email": email.strip().lower(), "used": False})
        return {
            "message": "Magic link generated successfully",
            "email": email.strip().lower(),
            "token": token,
            "expiresIn": 900,
            "note": "In production, this token would be sent via email",
        }

    def verify(self, email, token):
        if not email or not token:
            raise Refused(400, "Email and token required")
        link = self.documents.get("link", token)
        if not link or link["email"] != str(email).strip().lower():
            raise Refused(401, "Invalid or expired magic link")
        if link["used"]:
            raise Refused(401, "Magic link has already been used")
        self.documents.put("link", token, {**link, "used": True})
        return self.signed_in(self.user_of_email(link["email"], link["email"].partition("@")[0]))

    def refresh(self, token):
        if not token:
            raise Refused(400, "Refresh token required")
        return self.signed_in(self.read(token, "refresh", "Invalid refresh token"))

    def signed_in(self, user):
        return {
            "accessToken": self.token(user, "access"),
            "refreshToken": self.token(user, "refresh"),
            "tokenType": "bearer",
            "expiresIn": LIFETIME["access"],
            "user": self.shapes.user(user),
        }

    def token(self, user, kind):
        now = now_ms() // 1000
        claims = {"sub": user["id"], "type": kind, "iat": now, "exp": now + LIFETIME[kind]}
        return jwt.encode(claims, self.secret, algorithm="HS256")

    def read(self, token, kind, otherwise):
        try:
            claims = jwt.decode(token, self.secret, algorithms=["HS256"])
        except jwt.InvalidTokenError as error:
            raise Refused(401, f"{otherwise}: {error}" if kind == "access" else otherwise) from None
        if claims.get("type") != kind:
            raise Refused(401, "Invalid token type")
        if not (user := self.documents.get("user", claims.get("sub"))):
            raise Refused(401, "User not found")
        return user

    def caller(self, headers):
        """Of a signed-in call. The older way is no proof of anything, and the field takes it."""
        if header := headers.get("authorization"):
            scheme, _, token = header.partition(" ")
            if scheme.lower() != "bearer" or not token:
                raise Refused(401, "Invalid authorization header format. Use: Bearer <token>")
            return self.read(token, "access", "Invalid authentication token")
        if user := self.documents.get("user", headers.get("x-user-id", "")):
            return user
        raise Refused(401, "Authentication required. Provide Authorization header or X-User-ID")
