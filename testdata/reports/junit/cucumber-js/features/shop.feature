Feature: shop
  Background:
    Given a shop

  @smoke
  Scenario: passes
    When it works

  Scenario: fails
    When it breaks
    Then it works

  Scenario: is not written
    When nobody wrote this step

  Scenario: is pending
    When it is pending

  Scenario: is skipped
    When it is skipped

  Scenario Outline: counts <n>
    When it counts <n>
    Examples:
      | n |
      | 1 |
      | 2 |

  Scenario: is ambiguous
    When it is ambiguous

  @hook
  Scenario: hook breaks
    When it works

  @teardown
  Scenario: teardown breaks
    When it works

  Scenario: is flaky
    When it works the second time

  Rule: orders
    Scenario: prints
      When it prints
