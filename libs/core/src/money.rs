//! Amounts of money in integer minor units of an ISO 4217 currency.

use crate::{Error, Reason, Result};

/// An active currency of ISO 4217.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency {
    code: &'static str,
    /// Decimal places of its minor unit.
    exponent: u32,
}

// ISO 4217, list one, as of 2025: codes by the decimal places of their minor
// units, without funds, metals and test codes.
const WITHOUT_MINOR: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
const HUNDREDTHS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF \
     CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR \
     ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR \
     MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP \
     STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";
const THOUSANDTHS: &str = "BHD IQD JOD KWD LYD OMR TND";

impl Currency {
    pub fn parse(code: &str) -> Option<Self> {
        [(0, WITHOUT_MINOR), (2, HUNDREDTHS), (3, THOUSANDTHS)].into_iter().find_map(|(exponent, codes)| {
            codes.split(' ').find(|known| *known == code).map(|code| Self { code, exponent })
        })
    }

    pub fn code(self) -> &'static str {
        self.code
    }

    /// Minor units per major unit.
    fn scale(self) -> i64 {
        10_i64.pow(self.exponent)
    }
}

/// An amount that is not negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    pub minor: i64,
    pub currency: Currency,
}

impl Default for Money {
    fn default() -> Self {
        Self { minor: 0, currency: Currency { code: "USD", exponent: 2 } }
    }
}

impl Money {
    /// Parses an amount in major units, at most `max_major` of them.
    ///
    /// # Errors
    /// `INVALID_PARAMS` on `currency` or `amount`.
    pub fn of(amount: &str, currency: &str, max_major: i64) -> Result<Self> {
        let refuse = |field, why: String| Error::field(Reason::InvalidParams, field, why);
        let currency = Currency::parse(currency)
            .ok_or_else(|| refuse("currency", format!("should be a currency of ISO 4217, {currency} is none")))?;
        let (code, exponent) = (currency.code, currency.exponent);
        let money = Self::parse(amount, currency).ok_or_else(|| {
            refuse("amount", format!("should be a decimal with at most {exponent} decimal places, as {code} has"))
        })?;
        if money.minor > max_major * currency.scale() {
            return Err(refuse("amount", format!("must be at most {max_major} {code}")));
        }
        Ok(money)
    }

    /// Parses a decimal with at most the currency's number of places.
    fn parse(amount: &str, currency: Currency) -> Option<Self> {
        let (major, fraction) = amount.split_once('.').map_or((amount, None), |(m, f)| (m, Some(f)));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let places = fraction.map_or(0, str::len) as u32;
        if !digits(major) || !fraction.is_none_or(digits) || places > currency.exponent {
            return None;
        }
        let fraction: i64 = fraction.unwrap_or("0").parse().ok()?;
        let fraction = fraction * 10_i64.pow(currency.exponent - places);
        let minor = major.parse::<i64>().ok()?.checked_mul(currency.scale())?.checked_add(fraction)?;
        Some(Self { minor, currency })
    }

    /// Formats the amount in major units, with the currency's number of places.
    pub fn amount(self) -> String {
        let scale = self.currency.scale();
        let (major, minor) = (self.minor / scale, self.minor % scale);
        match self.currency.exponent as usize {
            0 => major.to_string(),
            places => format!("{major}.{minor:0places$}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    fn any_currency() -> impl Strategy<Value = Currency> {
        let all: Vec<_> =
            [WITHOUT_MINOR, HUNDREDTHS, THOUSANDTHS].iter().flat_map(|codes| codes.split(' ')).map(currency).collect();
        prop::sample::select(all)
    }

    proptest! {
        #[test]
        fn formatted_amounts_parse_to_the_same(minor in 0..=i64::MAX, currency in any_currency()) {
            let money = Money { minor, currency };
            let amount = money.amount();
            prop_assert_eq!(amount.split_once('.').map_or(0, |(_, f)| f.len()), currency.exponent as usize);
            prop_assert_eq!(Money::parse(&amount, currency), Some(money));
        }

        #[test]
        fn parsed_amounts_format_to_the_same(major in 0..10_000_i64, fraction in "[0-9]{1,4}", currency in any_currency()) {
            let fits = fraction.len() <= currency.exponent as usize;
            let money = Money::parse(&format!("{major}.{fraction}"), currency);
            prop_assert_eq!(money.is_some(), fits);
            if let Some(money) = money {
                let padded = format!("{fraction:0<width$}", width = currency.exponent as usize);
                prop_assert_eq!(money.amount(), format!("{major}.{padded}"));
            }
        }

        #[test]
        fn other_text_is_not_an_amount(text in "[-+ 0-9.,eE_]{0,24}") {
            if let Some(money) = Money::parse(&text, currency("USD")) {
                prop_assert!(money.minor >= 0 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
            }
        }
    }

    #[test]
    fn amounts_have_bounds_and_errors_name_the_field() {
        for (amount, code, minor) in [
            ("5.00", "USD", 500),
            ("5", "USD", 500),
            ("0.5", "EUR", 50),
            ("500", "JPY", 500),
            ("1.234", "KWD", 1_234),
            ("10000.00", "USD", 1_000_000),
            ("0", "USD", 0),
        ] {
            assert_eq!(Money::of(amount, code, 10_000).unwrap().minor, minor, "{amount} {code}");
        }
        for (amount, code, names) in [
            ("5.001", "USD", "amount"),
            ("5.0", "JPY", "amount"),
            ("10000.01", "USD", "amount"),
            ("99999999999999999999", "USD", "amount"),
            (".5", "USD", "amount"),
            ("5.", "USD", "amount"),
            ("-5", "USD", "amount"),
            ("", "USD", "amount"),
            ("5.00", "XXX", "currency"),
            ("5.00", "usd", "currency"),
            ("5.00", "", "currency"),
        ] {
            let error = Money::of(amount, code, 10_000).unwrap_err();
            assert_eq!(error.reason, Reason::InvalidParams);
            assert!(error.message.starts_with(names), "{amount} {code}: {}", error.message);
        }
        assert_eq!(Money::default(), Money { minor: 0, currency: currency("USD") });
    }
}
