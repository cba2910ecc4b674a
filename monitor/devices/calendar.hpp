// Dates of the proleptic Gregorian calendar and seconds since 1970, without the C library's time zones.
#pragma once

#include <cstdint>

namespace ringpress {

struct Date {
    int year = 1970;
    unsigned month = 1, day = 1, hour = 0, minute = 0, second = 0;
    unsigned weekday = 4;  ///< 0 is Sunday
    constexpr bool operator==(const Date&) const = default;
};

constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) {
    return a / b - (a % b < 0);
}

/// Days since 1970-01-01; years are counted from 1 March, so that the leap day comes last.
constexpr std::int64_t days_from_date(int year, unsigned month, unsigned day) {
    const std::int64_t y = month <= 2 ? year - 1 : year;
    const std::int64_t era = floor_div(y, 400), in_era = y - era * 400;
    const std::int64_t in_year =
        (153 * static_cast<std::int64_t>(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

constexpr std::int64_t seconds_from_date(const Date& d) {
    return days_from_date(d.year, d.month, d.day) * 86400 + d.hour * 3600 + d.minute * 60 + d.second;
}

constexpr Date date_from_seconds(std::int64_t seconds) {
    const std::int64_t days = floor_div(seconds, 86400);
    const unsigned of_day = static_cast<unsigned>(seconds - days * 86400);
    const std::int64_t z = days + 719468, era = floor_div(z, 146097), in_era = z - era * 146097;
    const std::int64_t year_of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    const std::int64_t day_of_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned m = static_cast<unsigned>((5 * day_of_year + 2) / 153);
    Date d;
    d.day = static_cast<unsigned>(day_of_year) - (153 * m + 2) / 5 + 1;
    d.month = m < 10 ? m + 3 : m - 9;
    d.year = static_cast<int>(year_of_era + era * 400 + (d.month <= 2));
    d.hour = of_day / 3600;
    d.minute = of_day / 60 % 60;
    d.second = of_day % 60;
    d.weekday = static_cast<unsigned>(((days + 4) % 7 + 7) % 7);
    return d;
}

static_assert(seconds_from_date({2000, 2, 29, 12, 34, 56, 2}) == 951827696);
static_assert(date_from_seconds(951827696) == Date{2000, 2, 29, 12, 34, 56, 2});

}  // namespace ringpress
