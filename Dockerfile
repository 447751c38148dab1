# The production image: the program and nothing that serves only development (no embedded database, no tests).
# Servers are named by URLs: DATABASE_URL, DATABASE_WORKER_URL, DATABASE_ADMIN_URL, REDIS_URL.
FROM python:3.11-slim-bookworm AS build
RUN pip install --no-cache-dir "uv==0.13.9"
WORKDIR /build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PROJECT_ENVIRONMENT=/venv
COPY pyproject.toml README.md LICENSE ./
COPY tenants tenants
COPY catalog catalog
COPY guides guides
COPY orders orders
COPY settlement settlement
COPY storefront storefront
RUN uv sync --no-default-groups --no-editable

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 storefront \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin storefront
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 STOREFRONT_HOST=0.0.0.0 STOREFRONT_PORT=8000
USER 10001:10001
EXPOSE 8000 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
ENTRYPOINT ["storefront"]
CMD ["serve"]
