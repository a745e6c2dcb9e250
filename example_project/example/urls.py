"""Routes of the example site."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework_simplejwt.views import token_refresh

from . import payments, phone, views

swagger = SpectacularSwaggerSplitView.as_view(
    url_name="openapi", template_name="swagger_ui.html"
)

urlpatterns = [
    path("", views.home, name="home"),
    path("account/", views.account, name="account"),
    path("pay/", payments.pay, name="pay"),
    path("pay/confirm/", payments.confirm, name="confirm-payment"),
    path("login/", include("django_sms_otp.web.urls")),
    path("logout/", LogoutView.as_view(next_page="home"), name="logout"),
    path("admin/", admin.site.urls),
    path("language/", include("django.conf.urls.i18n")),
    path("api/auth/sms/", include("django_sms_otp.urls")),
    path("api/auth/token/refresh/", token_refresh, name="token-refresh"),
    path("api/me/", views.me, name="me"),
    path("api/openapi.yaml", SpectacularAPIView.as_view(), name="openapi"),
    path("api/", swagger, name="swagger"),
]

if settings.PHONE_ON_SCREEN:
    urlpatterns += [
        path("phone/", phone.page, name="phone"),
        path("phone/screen/", phone.screen, name="phone-screen"),
    ]
