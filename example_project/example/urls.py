"""Routes of the example site."""

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework_simplejwt.views import token_refresh

from .views import home, me

urlpatterns = [
    path("", home, name="home"),
    path("admin/", admin.site.urls),
    path("login/", include("django_sms_otp.web.urls")),
    path("logout/", LogoutView.as_view(next_page="home"), name="logout"),
    path("api/auth/sms/", include("django_sms_otp.urls")),
    path("api/auth/token/refresh/", token_refresh, name="token-refresh"),
    path("api/me/", me, name="me"),
    path("api/openapi.yaml", SpectacularAPIView.as_view(), name="openapi"),
    path("api/", SpectacularSwaggerView.as_view(url_name="openapi"), name="swagger"),
]
