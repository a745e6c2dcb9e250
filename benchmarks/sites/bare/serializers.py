from __future__ import annotations

from rest_framework import serializers


class GetCodeSerializer(serializers.Serializer[None]):
    phone_number = serializers.CharField(max_length=16)


class AuthCodeSerializer(serializers.Serializer[None]):
    phone_number = serializers.CharField(max_length=16)
    code = serializers.CharField(max_length=6)
