# pix2pix-tf from this checkout; docs/containers.md says how to use it.
#
#   docker build --tag pix2pix-tf .
#   docker build --tag pix2pix-tf:gpu --build-arg GPU=1 .    # with TensorFlow's CUDA libraries

FROM node:22-slim AS browser-runtime
WORKDIR /web
COPY tools/web_assets/package.json tools/web_assets/package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM python:3.12-slim AS wheel
WORKDIR /src
COPY . .
COPY --from=browser-runtime /web/node_modules /web/node_modules
RUN python tools/web_assets/take.py /web/node_modules exporters/litert \
    && pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.12-slim
ARG GPU=0
COPY --from=wheel /wheels /wheels
# hadolint ignore=DL3013
RUN extras=serve,edges \
    && if [ "$GPU" = 1 ]; then extras="$extras,gpu"; fi \
    && wheel="$(echo /wheels/*.whl)" \
    && pip install --no-cache-dir "${wheel}[${extras}]" \
    && rm -r /wheels \
    && useradd --uid 1000 --create-home pix2pix \
    && install --directory --owner 1000 --mode 1777 /work

# With `docker run --user` any user runs it, perhaps without a home that can be written to.
ENV XDG_CACHE_HOME=/tmp/cache MPLCONFIGDIR=/tmp/matplotlib
USER 1000
WORKDIR /work
ENTRYPOINT ["pix2pix-tf"]
CMD ["--help"]
