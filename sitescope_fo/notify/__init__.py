"""Telling people: the outbox, mail templates, delivery. anyio only; SMTP itself runs behind the Work port."""
