"""Webhooks over HTTP, for operators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from evalapp.webhooks import queries, services, tasks


class WebhookOutput(serializers.Serializer[Any]):
    """A webhook, without its secret."""

    id = serializers.IntegerField()
    url = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    is_live = serializers.BooleanField(help_text="Told of a winner at once; others when the board is published.")
    created_at = serializers.DateTimeField()

    class Meta:
        ref_name = "Webhook"


class WebhooksApi(APIView):
    """`GET webhooks/`, `POST webhooks/`."""

    class Input(serializers.Serializer[Any]):
        url = serializers.URLField(max_length=500)
        events = serializers.ListField(child=serializers.CharField(max_length=40), max_length=20)
        is_live = serializers.BooleanField(
            default=False, help_text="Only operators read it: it may hear what is not published yet."
        )

        class Meta:
            ref_name = "NewWebhook"

    class Made(WebhookOutput):
        secret = serializers.CharField(help_text="Signs what is sent; told this once.")

        class Meta:
            ref_name = "MadeWebhook"

    @extend_schema(operation_id="webhooks", responses=WebhookOutput(many=True))
    def get(self, request: Request) -> Response:
        return Response(WebhookOutput(queries.all_webhooks(), many=True).data)

    @extend_schema(operation_id="webhook_add", request=Input, responses={201: Made})
    def post(self, request: Request) -> Response:
        serializer = self.Input(data=request.data)
        serializer.is_valid(raise_exception=True)
        made = services.add_webhook(**serializer.validated_data)
        return Response(self.Made(made).data, status=status.HTTP_201_CREATED)


class WebhookApi(APIView):
    """`DELETE webhooks/{id}/`."""

    @extend_schema(operation_id="webhook_remove", responses={204: None})
    def delete(self, request: Request, webhook_id: int) -> Response:
        services.remove_webhook(queries.webhook_by_id(webhook_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class TryWebhookApi(APIView):
    """`POST webhooks/{id}/ping/`: send an event of no meaning."""

    @extend_schema(operation_id="webhook_ping", request=None, responses={202: None})
    def post(self, request: Request, webhook_id: int) -> Response:
        services.try_webhook(queries.webhook_by_id(webhook_id))
        tasks.deliver_webhooks.delay()
        return Response(status=status.HTTP_202_ACCEPTED)
