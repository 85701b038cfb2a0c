"""`make serve`: the local cloud with the application deployed, until Ctrl-C."""

from __future__ import annotations

import threading
from contextlib import suppress

import click

from admin.deployment.stacks import DeployFailed
from admin.deployment.stages import ROOT

from .local_cloud import CloudFailed, LocalCloud

_GREETING = """
API      {api}
Docs     {api}/openapi.json
AWS      export AWS_ENDPOINT_URL={endpoint} AWS_DEFAULT_REGION={region}
         export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
         .venv/bin/gelombang wave list --stage local

A token, for a day. The code comes a moment after the first command:

API={api}
SIGN_IN=$(curl -s $API/sign-ins -H 'Content-Type: application/json' -d '{{"contact": "siti@example.id"}}')
.venv/bin/gelombang inbox siti@example.id
read -p 'code: ' CODE
TOKEN=$(echo "$SIGN_IN" | CODE=$CODE python3 -c 'import json, os, sys; made = json.load(sys.stdin)
entered = {{name: made[name] for name in ("sign_in_id", "secret")}} | {{"code": os.environ["CODE"]}}
print(json.dumps({{"code": entered}}))' \\
     | curl -s $API/sessions -H 'Content-Type: application/json' -d @- \\
     | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
curl $API/me -H "Authorization: Bearer $TOKEN"

Ctrl-C stops everything.
"""


@click.command()
def main() -> None:
    """Serve the application from a local cloud."""
    try:
        with LocalCloud(ROOT / "build/serve", report=click.echo) as cloud:
            stage = cloud.deploy()
            click.echo(_GREETING.format(api=stage.api_url, endpoint=cloud.endpoint, region=stage.settings.region))
            with suppress(KeyboardInterrupt):
                threading.Event().wait()
            click.echo("stopping")
    except (CloudFailed, DeployFailed) as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
