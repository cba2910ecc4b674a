#include <guestkit/console.h>
#include <guestkit/string.h>

struct field {
    int width;
    bool zero, left;
};

static void put_field(const char* text, size_t length, struct field f) {
    int padding = f.width - (int)length;
    if (f.zero && !f.left && length && *text == '-') {  // the sign comes before the zeros
        console_put(*text++);
        --length;
    }
    for (; !f.left && padding > 0; --padding) console_put(f.zero ? '0' : ' ');
    while (length--) console_put(*text++);
    for (; f.left && padding > 0; --padding) console_put(' ');
}

static void put_number(u32 value, unsigned radix, bool negative, struct field f) {
    char digits[12];
    char* p = digits + sizeof digits;
    do {
        *--p = "0123456789abcdef"[value % radix];
        value /= radix;
    } while (value);
    if (negative) *--p = '-';
    put_field(p, (size_t)(digits + sizeof digits - p), f);
}

void vprint(const char* format, va_list args) {
    for (; *format; ++format) {
        if (*format != '%') {
            console_put(*format);
            continue;
        }
        struct field f = {0};
        for (++format; *format == '0' || *format == '-'; ++format) {
            if (*format == '0')
                f.zero = true;
            else
                f.left = true;
        }
        for (; *format >= '0' && *format <= '9'; ++format) f.width = f.width * 10 + (*format - '0');
        switch (*format) {
            case 'c':
                console_put((char)va_arg(args, int));
                break;
            case 's': {
                const char* s = va_arg(args, const char*);
                put_field(s, strlen(s), f);
                break;
            }
            case 'd': {
                const int value = va_arg(args, int);
                put_number(value < 0 ? 0u - (u32)value : (u32)value, 10, value < 0, f);
                break;
            }
            case 'u':
                put_number(va_arg(args, u32), 10, false, f);
                break;
            case 'x':
                put_number(va_arg(args, u32), 16, false, f);
                break;
            case 'p':
                put_number(va_arg(args, u32), 16, false, (struct field){8, true, false});
                break;
            case '%':
                console_put('%');
                break;
            default:
                return;  // a format error ends the text: nothing sensible can follow
        }
    }
}

void print(const char* format, ...) {
    va_list args;
    va_start(args, format);
    vprint(format, args);
    va_end(args);
}
