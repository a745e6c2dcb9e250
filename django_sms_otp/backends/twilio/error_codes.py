"""What Twilio's error codes say of a message.

Twilio splits codes over time: what is not listed is told by its class (an unknown 4xx was not
sent, an unknown 5xx may have been). https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

__all__ = ["BLOCKED_AS_FRAUD", "LATER", "NEEDS_ATTENTION", "REFUSED"]

REFUSED = {
    21211: "invalid_phone_number",  # invalid To
    21217: "invalid_phone_number",  # a call's To
    21265: "invalid_phone_number",  # To is a short code
    21266: "invalid_phone_number",  # To and From are the same
    13223: "invalid_phone_number",  # a call's To
    13224: "invalid_phone_number",
    21614: "phone_number_not_sms_capable",  # not a mobile number
    21635: "phone_number_not_sms_capable",  # a landline
    21202: "phone_number_not_sms_capable",  # a call to a premium-rate number
    21268: "phone_number_not_sms_capable",  # a message to one
    30006: "phone_number_not_sms_capable",  # landline or unreachable carrier
    63003: "phone_number_not_sms_capable",  # not on WhatsApp
    63024: "phone_number_not_sms_capable",
    21203: "region_not_supported",  # calls abroad not enabled
    21215: "region_not_supported",  # calls to this region not enabled
    # "Number is blocked": a risk, or an account without a profile that calls +1. Not taken for
    # fraud: that would answer an account's fault as a success.
    21216: "region_not_supported",
    21408: "region_not_supported",  # region not enabled
    60605: "region_not_supported",
    13225: "region_not_supported",  # calls to this number forbidden
    13227: "region_not_supported",  # calls to this region not enabled
    32205: "region_not_supported",
    21610: "recipient_opted_out",  # STOP
}
BLOCKED_AS_FRAUD = frozenset({30450, 30453})
NEEDS_ATTENTION = frozenset(
    {
        *(401, 403, 404),  # what the SDK reports where the answer has no code of Twilio's
        *(20003, 20404),  # credentials
        *(10001, 10002, 10005),  # account not active, on trial, without calls
        *(21210, 21213, 13214),  # a call's From
        *(21212, 21601, 21606, 21659, 21660, 21661, 63007),  # a sender's number or name
        *(21701, 21703, 21705),  # messaging service: unknown, or without senders
        *(21203, 21215, 21216, 21408, 60605),  # region not enabled, though the site allows it
        *(13225, 13227, 32205),
        *(21219, 21608),  # trial account, number not verified
        21267,  # trial account, alphanumeric sender
        21609,  # status callback: no address that Twilio can reach
        *(21602, 21617),  # body: empty, too long
        21624,  # validity period
        *(21654, 21655, 21656, 63016),  # WhatsApp: content template, or none where one is due
        63015,  # WhatsApp: sandbox that the number has not joined
        30002,  # account suspended
        30029,  # content retention not available
        30030,  # address retention not available
        30034,  # 10DLC not registered
    }
)
LATER = frozenset(
    {
        10004,  # too many calls at a time
        *(21611, 30001),  # queue full
        *(63018, 63038),  # WhatsApp: too many messages
    }
)
"""A queue is full: nothing is sent to anybody for a while."""
