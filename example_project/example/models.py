"""What the site keeps besides accounts."""

from django.conf import settings
from django.db import models


class Payment(models.Model):
    """A payment that its payer has confirmed by a code."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    payee = models.CharField(max_length=40)
    amount = models.DecimalField(max_digits=8, decimal_places=2)
    paid_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-paid_at"]

    def __str__(self) -> str:
        return f"EUR {self.amount} to {self.payee}"
