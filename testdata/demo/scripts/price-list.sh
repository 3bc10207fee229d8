#!/bin/sh
# Compares the price list of the checkout with what the catalog in the cluster sells at.
# Needs a shell and wget, as busybox has them. The exit code is the result; there is no report.
set -eu

list=$(dirname "$0")/prices.csv
wrong=0
while IFS=, read -r sku cents; do
	answer=$(wget -q -O - "http://catalog.shop.svc/items/$sku") || answer="no answer"
	case $answer in
	*"\"priceCents\":$cents"[!0-9]*) echo "ok: $sku sells at $cents" ;;
	*)
		echo "not ok: $sku must sell at $cents: $answer"
		wrong=$((wrong + 1))
		;;
	esac
done <"$list"
echo "$wrong wrong prices"
[ "$wrong" -eq 0 ]
