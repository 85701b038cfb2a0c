"""Who a person is: identity, eligibility, consent, accounts, the data vault."""
