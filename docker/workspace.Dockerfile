# The workspace: Debian, the Claude CLI, Python, the usual tools, and the workspace-agent as PID 1.
#
# Built by scripts/image.sh, which lays out the context: claude, claude-version, workspace-agent, extra-ca.crt.
# Needs no BuildKit.
FROM debian:bookworm-slim

# People behind a proxy that inspects TLS put its certificate here; otherwise the file is empty.
COPY extra-ca.crt /usr/local/share/ca-certificates/extra-ca.crt

# nftables, e2fsprogs and mount are for the control plane's short-lived helpers, which run this image too.
RUN set -eux; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get update; \
    apt-get install -y --no-install-recommends \
        bash ca-certificates curl e2fsprogs file git htop jq less make mount nano nftables openssh-client patch procps \
        python3 python3-pip python3-venv ripgrep unzip vim xz-utils zip; \
    [ -s /usr/local/share/ca-certificates/extra-ca.crt ] || rm /usr/local/share/ca-certificates/extra-ca.crt; \
    update-ca-certificates; \
    pip_cert=/etc/ssl/certs/ca-certificates.crt; \
    pip3 install --no-cache-dir --break-system-packages --cert "$pip_cert" uv==0.13.9; \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /usr/share/doc/* /usr/share/man/* /usr/share/info/* \
        /usr/share/locale/* /root/.cache; \
    find / -xdev -name __pycache__ -type d -prune -exec rm -rf {} +

COPY claude /usr/local/bin/claude
COPY workspace-agent /usr/local/bin/workspace-agent
COPY claude-version /usr/local/share/atelier/claude-version

# The root file system is read-only and every workspace has a uid of its own, so the lists of users are links to
# where PID 1 writes them. Programs of the user's are installed into the home.
RUN set -eux; \
    mkdir -p /run/atelier; \
    install -d -m 0700 /var/lib/atelier; \
    ln -s /home/workspace /workspace; \
    mv /etc/passwd /etc/group /usr/local/share/atelier/; \
    ln -s /run/atelier/passwd /etc/passwd; \
    ln -s /run/atelier/group /etc/group

ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PIP_USER=1 \
    PIP_BREAK_SYSTEM_PACKAGES=1 \
    UV_LINK_MODE=copy
WORKDIR /
ENTRYPOINT ["/usr/local/bin/workspace-agent"]
CMD ["run"]
