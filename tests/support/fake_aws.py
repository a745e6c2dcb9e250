"""What AWS End User Messaging answers, in its protocol (JSON 1.0)."""

from __future__ import annotations

from django_sms_otp.testing import Answer

__all__ = ["CREDENTIALS", "MESSAGE_ID", "accepted", "conflict", "invalid", "problem"]

MESSAGE_ID = "5c2b9f52-7f0e-4b0e-9f0e-1f2d3c4b5a69"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAFAKEFAKEFAKEFAKE",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-key-9c1b",
    # Nothing of the machine's own: no profile, no asking the host that it runs on.
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "AWS_EC2_METADATA_DISABLED": "true",
}
PREFIX = "com.amazonaws.pinpointsmsvoicev2#"


def accepted() -> Answer:
    return Answer(body={"MessageId": MESSAGE_ID})


def problem(name: str, reason: str = "", *, status: int = 400, field: str = "") -> Answer:
    """Answer with an error; its text holds the number, as Amazon's may."""
    body: dict[str, object] = {"__type": PREFIX + name, "Message": "No: +14155552671"}
    if reason:
        body["Reason"] = reason
    if field:
        body["Fields"] = [{"Name": field, "Message": "+14155552671"}]
    return Answer(status=status, body=body)


def conflict(reason: str) -> Answer:
    return problem("ConflictException", reason)


def invalid(reason: str, field: str = "") -> Answer:
    return problem("ValidationException", reason, field=field)
