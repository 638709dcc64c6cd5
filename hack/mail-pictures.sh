#!/usr/bin/env bash
# hack/mail-pictures.sh: renders docs/images/mail-*.png: the HTML of sample mails in Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
preview=${MAIL_PREVIEW:-build/dev/mail_preview}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# picture NAME SAMPLE WIDTH,HEIGHT [FLAG...]
picture() {
  local name=$1 sample=$2 size=$3
  shift 3
  "$preview" "$sample" html >"$folder/$name.html"
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars \
    --user-data-dir="$folder/profile" --window-size="$size" "$@" \
    --screenshot="$PWD/docs/images/$name.png" "file://$folder/$name.html" 2>/dev/null
}

picture mail-light list 680,690
picture mail-dark list 680,690 --blink-settings=preferredColorScheme=0
