/* NUCLEO-F767ZI: 216 MHz from the ST-LINK's 8 MHz, serial line over the ST-LINK (USART3, PD8 and PD9), microseconds from
 * TIM2, timestamps on PF13 (D7 of the Arduino connector). Register names and bits are those of reference manual RM0410.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tinyts_cortex_m7.h"
#include "tinyts_port.h"

#define RCC 0x40023800u
#define RCC_CR REGISTER(RCC + 0x00u)
#define RCC_PLLCFGR REGISTER(RCC + 0x04u)
#define RCC_CFGR REGISTER(RCC + 0x08u)
#define RCC_AHB1ENR REGISTER(RCC + 0x30u)
#define RCC_APB1ENR REGISTER(RCC + 0x40u)
#define RCC_CR_HSEON (1u << 16)
#define RCC_CR_HSERDY (1u << 17)
#define RCC_CR_HSEBYP (1u << 18)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_PLLCFGR_PLLSRC_HSE (1u << 22)
#define RCC_CFGR_SW_PLL 2u
#define RCC_CFGR_SWS_MASK (3u << 2)
#define RCC_CFGR_SWS_PLL (2u << 2)
#define RCC_CFGR_PPRE1_DIV4 (5u << 10)
#define RCC_CFGR_PPRE2_DIV2 (4u << 13)
#define RCC_AHB1ENR_GPIODEN (1u << 3)
#define RCC_AHB1ENR_GPIOFEN (1u << 5)
#define RCC_APB1ENR_TIM2EN (1u << 0)
#define RCC_APB1ENR_USART3EN (1u << 18)
#define RCC_APB1ENR_PWREN (1u << 28)

#define PWR_CR1 REGISTER(0x40007000u)
#define PWR_CSR1 REGISTER(0x40007004u)
#define PWR_CR1_ODEN (1u << 16)
#define PWR_CR1_ODSWEN (1u << 17)
#define PWR_CSR1_ODRDY (1u << 16)
#define PWR_CSR1_ODSWRDY (1u << 17)

#define FLASH_ACR REGISTER(0x40023C00u)
#define FLASH_ACR_LATENCY_7WS 7u
#define FLASH_ACR_LATENCY_MASK 15u
#define FLASH_ACR_PRFTEN (1u << 8)

#define GPIOD 0x40020C00u
#define GPIOF 0x40021400u
#define GPIO_MODER(port) REGISTER((port) + 0x00u)
#define GPIO_BSRR(port) REGISTER((port) + 0x18u)
#define GPIO_AFRH(port) REGISTER((port) + 0x24u)
#define GPIO_OUTPUT 1u
#define GPIO_ALTERNATE 2u
#define GPIO_AF7 7u
#define TIMESTAMP_PIN 13u

#define USART3 0x40004800u
#define USART_CR1 REGISTER(USART3 + 0x00u)
#define USART_BRR REGISTER(USART3 + 0x0Cu)
#define USART_ISR REGISTER(USART3 + 0x1Cu)
#define USART_ICR REGISTER(USART3 + 0x20u)
#define USART_RDR REGISTER(USART3 + 0x24u)
#define USART_TDR REGISTER(USART3 + 0x28u)
#define USART_CR1_UE (1u << 0)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_ISR_ORE (1u << 3)
#define USART_ISR_RXNE (1u << 5)
#define USART_ISR_TC (1u << 6)
#define USART_ISR_TXE (1u << 7)

#define TIM2 0x40000000u
#define TIM_CR1 REGISTER(TIM2 + 0x00u)
#define TIM_EGR REGISTER(TIM2 + 0x14u)
#define TIM_CNT REGISTER(TIM2 + 0x24u)
#define TIM_PSC REGISTER(TIM2 + 0x28u)
#define TIM_ARR REGISTER(TIM2 + 0x2Cu)
#define TIM_CR1_CEN (1u << 0)
#define TIM_EGR_UG (1u << 0)

#define APB1_HZ 54000000u
#define BAUD 115200u
#define RECEIVED_CHARACTERS 64u /* a power of two */
#define OSCILLATOR_ATTEMPTS 1000000u

static void wait_for(volatile uint32_t *status, uint32_t mask, uint32_t value) {
  while ((*status & mask) != value) {
  }
}

/* 2 MHz for the PLL: a quarter of the ST-LINK's 8 MHz, which keep good time, or, where they do not come, an eighth of the
 * chip's own 16 MHz. */
static uint32_t start_oscillator(void) {
  RCC_CR |= RCC_CR_HSEBYP;
  RCC_CR |= RCC_CR_HSEON;
  for (uint32_t i = 0; i < OSCILLATOR_ATTEMPTS; ++i) {
    if ((RCC_CR & RCC_CR_HSERDY) != 0u) {
      return RCC_PLLCFGR_PLLSRC_HSE | 4u;
    }
  }
  RCC_CR &= ~RCC_CR_HSEON;
  return 8u;
}

/* 2 MHz * 216 / 2 = 216 MHz, in over-drive, with 7 wait states for the flash. APB1 has a quarter, its timers half. */
static void start_clock(void) {
  RCC_APB1ENR |= RCC_APB1ENR_PWREN;
  (void)RCC_APB1ENR; /* reading back waits until the clock is there */
  RCC_PLLCFGR = start_oscillator() | 216u << 6 | 9u << 24 | 2u << 28; /* source and M, N, P = 2 (as 0), Q, R */
  RCC_CR |= RCC_CR_PLLON;
  PWR_CR1 |= PWR_CR1_ODEN;
  wait_for(&PWR_CSR1, PWR_CSR1_ODRDY, PWR_CSR1_ODRDY);
  PWR_CR1 |= PWR_CR1_ODSWEN;
  wait_for(&PWR_CSR1, PWR_CSR1_ODSWRDY, PWR_CSR1_ODSWRDY);
  FLASH_ACR = FLASH_ACR_LATENCY_7WS | FLASH_ACR_PRFTEN;
  wait_for(&FLASH_ACR, FLASH_ACR_LATENCY_MASK, FLASH_ACR_LATENCY_7WS);
  wait_for(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY);
  RCC_CFGR = RCC_CFGR_PPRE1_DIV4 | RCC_CFGR_PPRE2_DIV2;
  RCC_CFGR |= RCC_CFGR_SW_PLL;
  wait_for(&RCC_CFGR, RCC_CFGR_SWS_MASK, RCC_CFGR_SWS_PLL);
}

static void start_serial(void) {
  GPIO_AFRH(GPIOD) = GPIO_AF7 << 0 | GPIO_AF7 << 4;                        /* PD8, PD9 */
  GPIO_MODER(GPIOD) = GPIO_ALTERNATE << 16 | GPIO_ALTERNATE << 18;
  USART_BRR = (APB1_HZ + BAUD / 2u) / BAUD;
  USART_CR1 = USART_CR1_UE | USART_CR1_RE | USART_CR1_TE;
}

static void start_timer(void) {
  TIM_PSC = 2u * APB1_HZ / 1000000u - 1u;
  TIM_ARR = 0xFFFFFFFFu;
  TIM_EGR = TIM_EGR_UG; /* takes over the prescaler */
  TIM_CR1 = TIM_CR1_CEN;
}

void tinyts_board_initialise(void) {
  tinyts_cortex_m7_enable_caches();
  start_clock();
  RCC_AHB1ENR |= RCC_AHB1ENR_GPIODEN | RCC_AHB1ENR_GPIOFEN;
  RCC_APB1ENR |= RCC_APB1ENR_USART3EN | RCC_APB1ENR_TIM2EN;
  (void)RCC_APB1ENR;
  start_serial();
  start_timer();
  GPIO_BSRR(GPIOF) = 1u << TIMESTAMP_PIN;
  GPIO_MODER(GPIOF) = GPIO_OUTPUT << (2u * TIMESTAMP_PIN);
}

/* What came while a character was waiting to be sent: the USART itself keeps one. */
static struct {
  uint8_t characters[RECEIVED_CHARACTERS];
  uint32_t put, got; /* how many ever; the difference are here */
} received;

/* Takes what the USART has; returns its status. */
static uint32_t receive(void) {
  const uint32_t status = USART_ISR;
  if ((status & USART_ISR_ORE) != 0u) {
    USART_ICR = USART_ISR_ORE; /* a character was lost; without this no other would come */
  }
  if ((status & USART_ISR_RXNE) != 0u) {
    const uint8_t character = (uint8_t)(USART_RDR & 0xFFu);
    if (received.put - received.got < RECEIVED_CHARACTERS) {
      received.characters[received.put++ % RECEIVED_CHARACTERS] = character;
    }
  }
  return status;
}

int tinyts_port_get_character(void) {
  while (received.put == received.got) {
    (void)receive();
  }
  return received.characters[received.got++ % RECEIVED_CHARACTERS];
}

void tinyts_port_put_character(char character) {
  while ((receive() & USART_ISR_TXE) == 0u) {
  }
  USART_TDR = (uint8_t)character;
}

uint32_t tinyts_port_microseconds(void) { return TIM_CNT; }

/* Energy monitors want a low level of some microseconds. */
void tinyts_port_timestamp_pin(void) {
  GPIO_BSRR(GPIOF) = 1u << (TIMESTAMP_PIN + 16u);
  const uint32_t start = TIM_CNT;
  while (TIM_CNT - start < 2u) {
  }
  GPIO_BSRR(GPIOF) = 1u << TIMESTAMP_PIN;
}

void tinyts_port_reset(void) {
  wait_for(&USART_ISR, USART_ISR_TC, USART_ISR_TC); /* what was said goes out first */
  tinyts_cortex_m7_reset();
}
