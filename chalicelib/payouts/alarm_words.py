"""The words in the log that ring: the log filters of `infrastructure/alarms.py` count them by these names.

MOVED and CONTRADICTED ring as every line of level ERROR does. The others are warnings, each with a filter and an alarm
of its own, so that a state that lasts for hours does not hide what else needs a person.
"""

from __future__ import annotations

MOVED = "payout_moved"
"""A transition; of level ERROR if only a person can put it right."""

CONTRADICTED = "payout_contradicted"
"""The provider denies that an entitlement of ours that is PAID was paid."""

CEILING_REACHED = "payout_ceiling_reached"
"""Nothing more is claimed under the ceiling that the line names."""

PAUSED = "payouts_paused"
"""A worker left alone an entitlement that it would have claimed or sent again."""

STATUS_UNKNOWN = "fsp_status_unknown"
"""The provider used a word that we do not know; the payout stays pending."""

SENDING_LONG = "payouts_sending_long"
"""`count` attempts have been under way for `SENDING_LONG_S` or longer."""

SENDING_LONG_S = 3600

BY_FILE_LONG = "payouts_by_file_long"
"""`count` attempts have waited for a bank file, or for the bank's report on it, for `BY_FILE_LONG_S` or longer."""

BY_FILE_LONG_S = 4 * 86_400
"""Over a weekend: a file of Friday is answered by Tuesday."""

RINGING = (CEILING_REACHED, PAUSED, STATUS_UNKNOWN, SENDING_LONG, BY_FILE_LONG)
"""Those with an alarm of their own."""

DIFFERENCES_METRIC = "PayoutDifferences"
"""The metric of a reconciliation, in the stage's own namespace: how many differences were found."""
